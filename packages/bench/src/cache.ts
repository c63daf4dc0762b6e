import { startRedis } from '@fieldseal/testkit';
import type { CacheFinding, CacheTask } from './cache-child.ts';
import { runChild } from './child.ts';
import { progress, secondsSince } from './progress.ts';
import { absence, joined, type SectionResult } from './result.ts';
import type { SectionContext } from './section-context.ts';
import { spreadOf } from './statistics.ts';

/** The cache of keys: what a hit costs, how often there is one, and what a miss costs with and without a tier that processes share. */
export async function runCache({ quick }: SectionContext): Promise<SectionResult> {
  const redis = await startRedis().catch((error: Error) => error);
  const found = new Map<string, CacheFinding[]>();
  try {
    const task: CacheTask = { quick, redisUrl: redis instanceof Error ? null : redis.url };
    for (let repeat = 0; repeat < (quick ? 1 : 5); repeat++) {
      const started = performance.now();
      for (const finding of await runChild<CacheFinding[]>('cache', task)) {
        const key = `${finding.case} ${finding.candidate}`;
        found.set(key, [...(found.get(key) ?? []), finding]);
      }
      progress(`cache ${repeat + 1} (${secondsSince(started)})`);
    }
  } finally {
    if (!(redis instanceof Error)) await redis.stop();
  }
  const measurements = [...found.values()].map((findings) => {
    const { case: name, candidate, unit } = findings[0] as CacheFinding;
    const values = findings.flatMap((finding) => finding.values);
    return { section: 'cache', case: name, candidate, unit, ...spreadOf(values) } as const;
  });
  const parts: SectionResult[] = [{ measurements, ratios: [], absent: [] }];
  if (redis instanceof Error) parts.push(absence('cache', 'with Redis', redis));
  return joined(parts);
}
