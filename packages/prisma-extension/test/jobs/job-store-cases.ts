import { DEFAULT_SETTINGS, type SqlDatabase, SqlJobStore } from '@fieldseal/core/jobs';
import { describe, expect, it } from 'vitest';
import type { JobDatabase } from './job-database.ts';

const PLAN = {
  kind: 'reencrypt',
  model: 'Patient',
  fields: ['email'],
  schema: 'digest',
  target: null,
  sample: 1,
} as const;

/** What a store of jobs has to do where several workers ask it at once. */
export function jobStoreCases(open: () => JobDatabase): void {
  describe('a store of jobs', () => {
    it('does not take a last pass that another worker has just added for one that found nothing', async () => {
      const { database } = open();
      const store = new SqlJobStore(database);
      await store.prepare();
      const job = await store.create(PLAN, DEFAULT_SETTINGS, null);
      await store.addChunks(job, 0, [{ after: null, upTo: null, rows: 7 }]);
      await open().run(`UPDATE fieldseal_job_chunk SET state = 'done' WHERE job = '${job}'`);
      let added = false;
      const racing: SqlDatabase = {
        dialect: database.dialect,
        query: async (...args) => {
          const rows = await database.query(...args);
          if (!added) await store.addSweep(job, 1);
          added = true;
          return rows;
        },
        execute: (...args) => database.execute(...args),
        transaction: (work) => database.transaction(work),
      };
      const first = await new SqlJobStore(racing).remaining(job);
      expect(first).toMatchObject({ open: 0, last: { ordinal: 0, sweep: false } });
      expect(await store.remaining(job)).toMatchObject({ open: 1, last: { ordinal: 1, sweep: true } });
    });
  });
}
