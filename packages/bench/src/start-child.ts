import { type Client, openClient } from './queries/client.ts';

/** What one fresh process is to do. */
export interface StartTask {
  /** Whether our extension is used; a plain client otherwise. */
  readonly encrypted: boolean;
  /** SQLite file with the tables and {@link READ_ROWS} rows, made for this kind of client. */
  readonly file: string;
  readonly keyringFile: string;
  readonly key: string;
  /** Reads of all rows before memory is looked at: a program that has worked, not one that has just started. */
  readonly reads: number;
}

/** What it took: wall times in ms, memory in bytes after two full garbage collections. */
export interface StartFindings {
  /** Modules, keyring and `$extends`, up to a client that can be used; 0 for a plain one. */
  readonly openMs: number;
  /** The same as CPU time, which other programs of the machine do not lengthen. */
  readonly openCpuMs: number;
  /** Of that, loading the modules. */
  readonly loadMs: number;
  /** Of that, opening the keyring. */
  readonly keyringMs: number;
  readonly firstQueryMs: number;
  readonly rss: number;
  readonly heap: number;
}

/** Starts as an application does, in this order: Prisma's client, our modules, the keyring, the first query. */
export async function measureStart(task: StartTask): Promise<StartFindings> {
  const plain = await openClient('sqlite', task.encrypted ? 'fieldseal' : 'plain', task.file);
  const cpu = process.cpuUsage();
  const started = performance.now();
  let [loaded, opened] = [started, started];
  let client: Client = plain;
  if (task.encrypted) {
    const [{ openKeyring, keyringFile, rawKey, parseRawKey }, { encryption }] = await Promise.all([
      import('@fieldseal/core'),
      import('@fieldseal/prisma'),
    ]);
    loaded = performance.now();
    const openers = [rawKey(parseRawKey(task.key))];
    const keyring = await openKeyring({ storage: keyringFile(task.keyringFile), openers });
    opened = performance.now();
    client = plain.$extends(encryption({ keyring }));
  }
  const ready = performance.now();
  const { user, system } = process.cpuUsage(cpu);
  await client.person.findMany({ take: 10 });
  const answered = performance.now();
  for (let read = 0; read < task.reads; read++) await client.person.findMany();
  const memory = await settledMemory();
  await plain.$disconnect();
  return {
    openMs: ready - started,
    openCpuMs: (user + system) / 1000,
    loadMs: loaded - started,
    keyringMs: opened - loaded,
    firstQueryMs: answered - ready,
    rss: memory.rss,
    heap: memory.heapUsed + memory.external,
  };
}

async function settledMemory(): Promise<NodeJS.MemoryUsage> {
  for (let round = 0; round < 2; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage();
}
