import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BackupFile, planRetention, type RetentionFacts } from '../src/index.ts';

const DAY = 24 * 60 * 60 * 1000;
const START = Date.parse('2026-01-01T00:00:00.000Z');
const backupAt = (sequence: number, created: number): BackupFile => ({ name: `b${sequence}`, sequence, created });
const daily = (days: number) => Array.from({ length: days }, (_, at) => backupAt(at + 1, START + at * DAY));
const facts = (backups: readonly BackupFile[], more: Partial<RetentionFacts> = {}): RetentionFacts => ({
  now: (backups.at(-1)?.created ?? START) + 60_000,
  newestVerified: backups.at(-1)?.name ?? null,
  keysInUse: new Set(),
  keysOf: () => new Set(),
  ...more,
});
const gone = (plan: ReadonlyMap<string, unknown>) => [...plan].filter(([, why]) => why === null).map(([name]) => name);
const kept = (plan: ReadonlyMap<string, unknown>) => [...plan].filter(([, why]) => why !== null).length;

describe('planRetention', () => {
  it('keeps the newest of days, weeks and months of two years', () => {
    const backups = daily(730);
    const plan = planRetention(backups, {}, facts(backups));
    expect(kept(plan)).toBeGreaterThanOrEqual(30 + 4 + 10);
    expect(kept(plan)).toBeLessThanOrEqual(31 + 8 + 12);
    expect([...plan.values()]).toEqual(expect.arrayContaining(['last', 'daily', 'weekly', 'monthly']));
  });

  it('keeps what is younger than thirty days, however many', () => {
    const backups = Array.from({ length: 29 * 24 }, (_, at) => backupAt(at + 1, START + (at * DAY) / 24));
    expect(gone(planRetention(backups, { last: 1, daily: 1, weekly: 1, monthly: 1 }, facts(backups)))).toEqual([]);
  });

  it('removes nothing as long as nothing was verified', () => {
    const backups = daily(400);
    expect(
      gone(
        planRetention(backups, { last: 1, daily: 0, weekly: 0, monthly: 0 }, facts(backups, { newestVerified: null })),
      ),
    ).toEqual([]);
  });

  it('keeps the newest verified one, however old', () => {
    const backups = daily(400);
    const plan = planRetention(
      backups,
      { last: 1, daily: 0, weekly: 0, monthly: 0 },
      facts(backups, { newestVerified: 'b3' }),
    );
    expect(plan.get('b3')).toBe('newest verified');
    expect(plan.get('b2')).toBe(null);
  });

  it('keeps the newest of those that alone hold a key in use, and those it could not open', () => {
    const backups = daily(400);
    const policy = { last: 1, daily: 0, weekly: 0, monthly: 0 };
    const keysOf = ({ sequence }: BackupFile) => (sequence === 9 ? null : new Set([sequence <= 5 ? 'old' : 'new']));
    const plan = planRetention(backups, policy, facts(backups, { keysInUse: new Set(['old', 'new']), keysOf }));
    expect(plan.get('b5')).toBe('key in use');
    expect(plan.get('b4')).toBe(null);
    expect(plan.get('b9')).toBe('not opened');
    expect(plan.get('b6')).toBe(null);
  });

  it.each([
    ['a policy below thirty days', { minimumDays: 29 }],
    ['no number', { minimumDays: Number.NaN }],
    ['less than none', { last: -1 }],
    ['half a backup', { weekly: 0.5 }],
  ])('refuses %s', (_, policy) => {
    expect(() => planRetention(daily(3), policy, facts(daily(3)))).toThrow(
      expect.objectContaining({ code: 'ERR_OPTIONS' }),
    );
  });

  it('refuses a clock that jumped back by more than a day', () => {
    const backups = daily(100);
    const now = START + 98 * DAY - 1;
    expect(() => planRetention(backups, {}, facts(backups, { now }))).toThrow(
      expect.objectContaining({ code: 'ERR_BACKUP_ROLLBACK' }),
    );
    expect(planRetention(backups, {}, facts(backups, { now: START + 98 * DAY })).size).toBe(100);
  });

  it('property: a clock that goes on never brings back what went, and never empties the place', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 120 }),
        fc.integer({ min: 1, max: 9 }),
        (gaps, last) => {
          let backups: BackupFile[] = [];
          let time = START;
          gaps.forEach((gap, at) => {
            time += gap * (DAY / 8);
            backups.push(backupAt(at + 1, time));
            const plan = planRetention(backups, { last, daily: 2, weekly: 2, monthly: 2 }, facts(backups));
            backups = backups.filter(({ name }) => plan.get(name) !== null);
            expect(backups.at(-1)?.sequence).toBe(at + 1);
            expect(backups.length).toBeGreaterThanOrEqual(Math.min(last, at + 1));
          });
        },
      ),
      { numRuns: 50 },
    );
  });
});
