import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { startPostgres } from '@fieldseal/testkit';
import { runBackup } from './backup.ts';
import { runCache } from './cache.ts';
import { runConcurrency } from './concurrency.ts';
import { PACKAGE, WORKSPACE } from './folders.ts';
import { runFootprint } from './footprint.ts';
import { runGrowth } from './growth.ts';
import { describeMachine } from './machine.ts';
import { defaultEngine } from './micro/fieldseal.ts';
import { runMicro } from './micro/micro.ts';
import type { Options } from './options.ts';
import { progress, secondsSince } from './progress.ts';
import { runQueries } from './queries/queries.ts';
import { absence, joined, type Results, type Section, type SectionResult } from './result.ts';
import { installRivals, rivalVersions } from './rivals.ts';
import { runSearch } from './search/search.ts';
import type { SectionContext } from './section-context.ts';
import { runStart } from './start.ts';
import { runTiming } from './timing.ts';

const RUNNERS: Readonly<Record<Section, (context: SectionContext) => Promise<SectionResult>>> = {
  micro: runMicro,
  queries: runQueries,
  start: runStart,
  footprint: runFootprint,
  concurrency: runConcurrency,
  growth: runGrowth,
  search: runSearch,
  timing: runTiming,
  cache: runCache,
  backup: runBackup,
};
/** What sections need that takes time to make. */
const WITH_RIVALS: readonly Section[] = ['micro', 'queries', 'concurrency'];
const WITH_CLIENTS: readonly Section[] = ['queries', 'start', 'footprint', 'concurrency', 'growth', 'search'];
const WITH_POSTGRES: readonly Section[] = ['queries', 'concurrency', 'search', 'backup'];

/** Runs sections one after the other; one that fails is named in the results, and the others run all the same. */
export async function runSections({ sections, quick, rows: searchRows }: Options): Promise<Results> {
  const started = performance.now();
  const machine = describeMachine();
  const needs = (of: readonly Section[]): boolean => sections.some((section) => of.includes(section));
  const rivals = needs(WITH_RIVALS) ? installRivals() : null;
  const clients = needs(WITH_CLIENTS) ? generateClients() : null;
  const server = needs(WITH_POSTGRES)
    ? await startPostgres().catch((error: Error) => error)
    : new Error('not asked for');
  const postgres = server instanceof Error ? { reason: server.message } : { url: server.url };
  const parts: SectionResult[] = [];
  try {
    for (const section of sections) {
      const begun = performance.now();
      const run = RUNNERS[section]({ quick, rivals, clients, postgres, searchRows });
      parts.push(await run.catch((error: Error) => absence(section, 'all', error)));
      progress(`${section} took ${secondsSince(begun)}`);
    }
  } finally {
    if (!(server instanceof Error)) await server.stop();
  }
  const result = joined(parts);
  for (const { section, candidate, reason } of result.absent)
    progress(`not measured: ${section}, ${candidate}: ${reason}`);
  return {
    format: 'fieldseal-bench/1',
    date: new Date().toISOString().slice(0, 10),
    quick,
    seconds: Math.round((performance.now() - started) / 1000),
    engine: defaultEngine(),
    machine,
    versions: [prismaVersion(), ...rivalVersions()],
    ...result,
  };
}

/** Generates the Prisma clients of the benchmarks and compiles them: null, or why there are none. */
function generateClients(): string | null {
  const steps = [
    [join(WORKSPACE, 'scripts/generate.mjs'), PACKAGE],
    // The same for all: measured are the clients that applications get today, which come as TypeScript.
    [join(WORKSPACE, 'node_modules/typescript/bin/tsc'), '-p', join(PACKAGE, 'prisma')],
  ];
  for (const step of steps) {
    const { status, stdout, stderr } = spawnSync(process.execPath, step, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (status !== 0) return `the Prisma clients could not be generated: ${(stderr + stdout).trim()}`;
    if (stderr !== '') progress(stderr.trim().split('\n').at(-1) ?? '');
  }
  return null;
}

function prismaVersion(): { name: string; version: string } {
  const path = createRequire(import.meta.url).resolve('@prisma/client/package.json');
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return { name: '@prisma/client', version };
}
