/**
 * What @fieldseal/monitor adds to a query, on SQLite, where a query is shortest.
 *
 *     npm run -w packages/bench bench:monitor -- [rounds]
 *
 * The difference is far below what two runs of one query differ by on a shared machine. So the cipher's part of a query is timed alone, in short
 * slices with and without listeners that take turns, and what is added is set against the time of the whole query. Tenths of the slices
 * (the 10th percentile) are compared, which other programs hardly touch; `off again` shows what the method cannot tell apart.
 */
import { channel } from 'node:diagnostics_channel';
import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createKeyring,
  FieldCipher,
  type FieldSpec,
  generateRawKey,
  keyringMemory,
  rawKey,
  SecretBytes,
} from '@fieldseal/core';
import { honeyCells, honeyMark, nodeHandler, readBreaker, startMonitor } from '@fieldseal/monitor';
import { OPERATIONS, READ_ROWS } from './queries/operations.ts';
import { newPeople, seed } from './queries/people.ts';
import { variantOpener } from './queries/variant.ts';
import { quantile } from './statistics.ts';

const STATES = ['off', 'off again', 'monitor', 'monitor and watch'] as const;
type State = (typeof STATES)[number];

/** Values that each query encrypts and decrypts: rows of three fields, and the row that create gives back. */
const CASES = [
  { query: 'findUnique', encrypt: 0, decrypt: 3 },
  { query: 'findMany 10', encrypt: 0, decrypt: 30 },
  { query: 'findMany 1000', encrypt: 0, decrypt: 3000 },
  { query: 'create', encrypt: 3, decrypt: 3 },
] as const;

const SLICE_MS = 2;
const CHECKS = 20_000_000;
const FIELDS = ['name', 'email', 'phone'].map((field): FieldSpec => {
  return { model: 'Person', field, context: { model: 'Person', field }, column: 'String', type: 'String', pad: null };
});

async function main(rounds: number): Promise<void> {
  const queries = await queryTimes(Math.max(20, rounds / 4));
  const { keyring, recovery } = await createKeyring({ storage: keyringMemory(), openers: [rawKey(generateRawKey())] });
  recovery.wipe();
  const view = await keyring.resolve('');
  const plain = new FieldCipher();
  const people = newPeople(READ_ROWS);
  const values = people.flatMap((person) =>
    FIELDS.map((spec) => ({ spec, value: person[spec.field as 'name'], binding: null })),
  );
  const stored = plain.encrypt(view, values).map((cell, at) => ({ spec: spec(at), stored: cell, binding: null }));
  const key = SecretBytes.random(32);
  const honey = plain.encrypt(view, values.slice(0, 20)).map((cell, at) => [`bait ${at}`, honeyMark(key, cell)]);
  const watch = [honeyCells({ key, marks: Object.fromEntries(honey) }), readBreaker({ principal: () => 'bench' })];
  const watched = new FieldCipher({ watch });
  for (const { query, encrypt, decrypt } of CASES) {
    const [write, read] = [values.slice(0, encrypt), stored.slice(0, decrypt)];
    const work = (cipher: FieldCipher): void => {
      if (encrypt > 0) cipher.encrypt(view, write);
      cipher.read(view, read);
    };
    const times = slices((state) => work(state === 'monitor and watch' ? watched : plain), rounds);
    const whole = queries.get(query) as number;
    print(`${query}: ${micro(whole)} a query, of which ${micro(times.off)} in the cipher`);
    for (const state of STATES.slice(1)) {
      const added = times[state] - times.off;
      print(`  ${state.padEnd(18)} ${micro(added).padStart(9)}  ${((100 * added) / whole).toFixed(2).padStart(6)} %`);
    }
  }
  printOff(queries.get('findUnique') as number);
  keyring.close();
}

function spec(at: number): FieldSpec {
  return FIELDS[at % FIELDS.length] as FieldSpec;
}

/** 10th percentile of the time of one call in each state, in ms. */
function slices(work: (state: State) => void, rounds: number): Record<State, number> {
  const samples: Record<State, number[]> = { off: [], 'off again': [], monitor: [], 'monitor and watch': [] };
  let calls = 1;
  const slice = (state: State): number => {
    const listens = state.startsWith('monitor');
    const monitor = listens ? startMonitor({ anomalies: { principal: () => 'bench' } }) : null;
    const started = performance.now();
    for (let call = 0; call < calls; call++) work(state);
    const ms = (performance.now() - started) / calls;
    void monitor?.stop();
    return ms;
  };
  for (let warm = 0; warm < 300; warm++) for (const state of STATES) slice(state);
  calls = Math.max(1, Math.round(SLICE_MS / slice('off')));
  for (let round = 0; round < rounds; round++)
    for (let at = 0; at < STATES.length; at++) {
      const place = round % 2 === 0 ? at + round : round - at + STATES.length * rounds;
      const state = STATES[place % STATES.length] as State;
      samples[state].push(slice(state));
    }
  const tenth = (state: State): number => quantile(samples[state], 0.1);
  return {
    off: tenth('off'),
    'off again': tenth('off again'),
    monitor: tenth('monitor'),
    'monitor and watch': tenth('monitor and watch'),
  };
}

/** 10th percentile of the time of each query through the extended client, in ms. */
async function queryTimes(rounds: number): Promise<Map<string, number>> {
  const opener = await variantOpener('sqlite', null);
  const variant = await opener.open('fieldseal');
  const people = newPeople(READ_ROWS);
  const times = new Map<string, number>();
  try {
    await seed(variant.client.person, people);
    for (const { query } of CASES) {
      const operation = OPERATIONS.find(({ name }) => name === query);
      const samples: number[] = [];
      for (let call = 0; call < rounds + 30; call++) {
        const started = performance.now();
        await operation?.run(variant, people, call);
        if (call >= 30) samples.push(performance.now() - started);
      }
      times.set(query, quantile(samples, 0.1));
    }
  } finally {
    await variant.close();
    await opener.close();
  }
  return times;
}

/** With nobody listening there is nothing to compare with: it is a few checks of a property, counted and timed by themselves. */
function printOff(queryMs: number): void {
  const nobody = channel('fieldseal:cipher');
  let heard = 0;
  const started = performance.now();
  for (let at = 0; at < CHECKS; at++) if (nobody.hasSubscribers) heard++;
  const ms = (performance.now() - started) / CHECKS;
  if (heard > 0) throw new Error('somebody listens');
  print(
    `off: ${(ms * 1e6).toFixed(1)} ns a check; the two of a query are ${((200 * ms) / queryMs).toFixed(4)} % of findUnique`,
  );
}

function micro(ms: number): string {
  return `${(ms * 1000).toFixed(2)} µs`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Answers of health by HTTP on this machine, while everything that is checked hangs. */
async function healthTimes(requests: number): Promise<void> {
  const hanging = { run: () => new Promise<never>(() => {}) };
  const monitor = startMonitor({
    checks: [
      { name: 'database', ...hanging },
      { name: 'redis', ...hanging },
    ],
  });
  const server = createServer(nodeHandler(monitor.endpoints));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true });
  const ask = (path: string): Promise<void> =>
    new Promise((resolve, reject) => {
      get({ port, path, agent }, (answer) => answer.resume().once('end', resolve)).once('error', reject);
    });
  for (const path of ['/health/live', '/health/ready', '/v1/health']) {
    const times: number[] = [];
    for (let at = 0; at < requests + 100; at++) {
      const started = performance.now();
      await ask(path);
      if (at >= 100) times.push(performance.now() - started);
    }
    const ms = (share: number): string => quantile(times, share).toFixed(2);
    print(`${path} while everything hangs: p50 ${ms(0.5)} ms, p99 ${ms(0.99)} ms, longest ${ms(1)} ms`);
  }
  agent.destroy();
  server.close();
  await monitor.stop();
}

await healthTimes(2000);
await main(Number(process.argv[2] ?? 400));
