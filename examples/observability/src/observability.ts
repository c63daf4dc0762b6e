import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SecretBytes } from '@fieldseal/core';
import { localSource, serveDashboard } from '@fieldseal/dashboard';
import { openClinic, storeRows } from '@fieldseal/example-quickstart/clinic';
import { openKeys } from '@fieldseal/example-quickstart/keys';
import { makeUpClinic } from '@fieldseal/example-quickstart/made-up-people';
import { migrate } from '@fieldseal/example-quickstart/migrate';
import { openSqlite } from '@fieldseal/example-quickstart/sqlite';
import { callbackSink, startMonitor } from '@fieldseal/monitor';
import {
  type AuditLog,
  auditedKeyring,
  fileAuditSink,
  fileWitness,
  noteSigner,
  openAuditLog,
  readAuditFile,
  readWitnessFile,
  recordEvents,
  verifyAuditLog,
} from '@fieldseal/monitor/audit';
import { runLoad, session } from './load.ts';

/** Options of {@link observability}. */
export interface ObservabilityOptions {
  /** Port of the dashboard; 0 for one that is free. */
  readonly port: number;
  /** How long the load runs, in ms; null until it is stopped. */
  readonly forMs: number | null;
  /** Ends it. */
  readonly stop: AbortSignal;
  readonly say: (line: string) => void;
}

/** What happened. */
export interface Observed {
  readonly queries: number;
  /** Queries that met a damaged row. */
  readonly failed: number;
  /** Rules of which a notice was delivered. */
  readonly alerts: readonly string[];
  readonly auditEntries: number;
  readonly auditWhole: boolean;
}

/** Times from the start, in ms. A short run sees both. */
const ROTATION_MS = 1000;
const DAMAGE_MS = 1500;

/**
 * The clinic of the quickstart, watched: metrics, alerts, an audit log with a witness, and the dashboard, under load. After a second its key is
 * rotated, and then some rows are damaged, so that there is something to see. All of it stands in a folder that goes at the end.
 */
export async function observability({ port, forMs, stop: asked, say }: ObservabilityOptions): Promise<Observed> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldseal-observability-'));
  const [logPath, witnessPath] = [join(folder, 'audit.jsonl'), join(folder, 'witness.jsonl')];
  const databases = await openSqlite(folder);
  const principal = (): string | undefined => session.getStore();
  const alerts = new Set<string>();
  let log: AuditLog | undefined;
  // Before the keyring is opened, so that the monitor sees that.
  const monitor = startMonitor({
    sinks: [
      callbackSink(async ({ state, severity, rule, summary }) => {
        alerts.add(rule);
        say(`alert: ${state}, ${severity}: ${rule}. ${summary}`);
      }),
    ],
    anomalies: { principal },
    audit: () => log,
  });
  const signer = noteSigner('example/clinic', SecretBytes.random(32));
  log = await openAuditLog({
    signer,
    identifierKey: SecretBytes.random(32),
    sinks: [fileAuditSink(logPath)],
    witnesses: [fileWitness(witnessPath)],
    timeoutMs: 5000,
    checkpointMs: 10_000,
    metrics: monitor.metrics,
  });
  const stopRecording = recordEvents(log, { principal, windowMs: 2000 });
  const dashboard = await serveDashboard({ source: localSource(monitor), port });
  try {
    await migrate(databases.clinic);
    const { keyring } = await openKeys(folder, {}, 0);
    const prisma = openClinic(databases.clinic, keyring);
    await storeRows(prisma, makeUpClinic(200));
    say(`The dashboard is at ${dashboard.url}. This address signs a browser in: ${dashboard.signInUrl}`);
    const stop = stopAfter(asked, forMs);
    const events = [
      after(ROTATION_MS, stop, () => auditedKeyring(keyring, log as AuditLog, 'operator').rotate()),
      after(DAMAGE_MS, stop, async () => {
        // The last character before the tag's end: the cells are still cells, and do not open.
        const { client, table } = databases.clinic;
        const name = table('Patient');
        await client.$executeRawUnsafe(
          `UPDATE ${name} SET "address" = substr("address", 1, length("address") - 8) || 'AAAAAAAA' WHERE "id" IN (SELECT "id" FROM ${name} ORDER BY "id" LIMIT 40)`,
        );
      }),
      ticking(stop, () => monitor.alerts.tick()),
    ];
    const counts = await runLoad(prisma, stop);
    await Promise.all(events);
    await monitor.alerts.tick();
    await stopRecording();
    keyring.close();
    await log.close();
    await monitor.stop();
    const { ok, entries } = await verifyAuditLog(
      readAuditFile(logPath),
      await readWitnessFile(witnessPath),
      signer.verifier,
    );
    say(
      `${counts.queries} queries, ${counts.failed} met a damaged row; ${alerts.size} alerts; ${entries} entries in the audit log, ${ok ? 'whole and witnessed' : 'NOT WHOLE'}`,
    );
    return { ...counts, alerts: [...alerts].sort(), auditEntries: entries, auditWhole: ok };
  } finally {
    await dashboard.close();
    await Promise.all([databases.clinic.close(), databases.twin.close()]);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Aborted when it is asked for, or after a time. Node 20 loses signals that AbortSignal.any joins when it collects garbage. */
function stopAfter(asked: AbortSignal, forMs: number | null): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  asked.addEventListener('abort', abort, { once: true });
  if (asked.aborted) abort();
  if (forMs !== null) setTimeout(abort, forMs);
  return controller.signal;
}

/** Does something after a while, unless it is all over before. */
async function after(ms: number, stop: AbortSignal, task: () => Promise<unknown>): Promise<void> {
  await sleep(ms, undefined, { signal: stop }).then(task, () => undefined);
}

/** The monitor looks every ten seconds by itself; an example is watched by somebody who waits. */
async function ticking(stop: AbortSignal, tick: () => Promise<void>): Promise<void> {
  while (!stop.aborted) {
    await sleep(1000, undefined, { signal: stop }).catch(() => undefined);
    await tick();
  }
}
