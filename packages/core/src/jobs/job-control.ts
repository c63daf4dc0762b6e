import { FieldsealError } from '../errors.ts';
import { observed, publish } from '../events.ts';
import { databaseError } from './database-error.ts';
import { type JobRecord, type JobSettings, type JobState, type JobStatus, withSettings } from './job.ts';
import type { JobStore } from './job-store.ts';

/** What may be asked of a job that runs elsewhere: it needs neither keys nor rows. */
export class JobControl {
  readonly #store: JobStore;

  constructor(store: JobStore) {
    this.#store = store;
  }

  /** Jobs, the newest first. */
  list(): Promise<readonly JobRecord[]> {
    return safely(() => this.#store.list());
  }

  /** A job and how far it is. Throws ERR_JOB_UNKNOWN. */
  status(job: string): Promise<JobStatus> {
    return safely(() => this.#store.status(job));
  }

  /** Quarantined values by field and code. */
  quarantine(
    job: string,
  ): Promise<readonly { readonly field: string; readonly code: string; readonly rows: number }[]> {
    return safely(() => this.#store.quarantine(job));
  }

  /** Makes workers stop before their next batch. Throws ERR_JOB_STATE for a job that does not run. */
  pause(job: string): Promise<void> {
    return this.#change(job, ['running'], 'paused', 'pause');
  }

  /** Lets a paused job go on. Throws ERR_JOB_STATE for a job that is not paused. */
  resume(job: string): Promise<void> {
    return this.#change(job, ['paused'], 'running', 'resume');
  }

  /** Ends a job for good. Rows that were changed stay so. Throws ERR_JOB_STATE for one that has ended. */
  cancel(job: string): Promise<void> {
    return this.#change(job, ['planning', 'running', 'paused'], 'cancelled', 'cancel');
  }

  /** Changes settings; workers heed them from their next batch on. Throws ERR_OPTIONS for what is none or out of bounds. */
  set(job: string, changes: Readonly<Record<string, unknown>>): Promise<JobSettings> {
    return safely(async () => {
      const settings = withSettings((await this.#store.load(job)).settings, changes);
      await this.#store.changeSettings(job, settings);
      return settings;
    });
  }

  #change(job: string, from: readonly JobState[], to: JobState, action: 'pause' | 'resume' | 'cancel'): Promise<void> {
    return safely(async () => {
      const { plan, rows } = await this.#store.load(job);
      if (!(await this.#store.changeState(job, from, to)))
        throw new FieldsealError('ERR_JOB_STATE', `a job can be ${PAST[action]} only while it is ${from.join(' or ')}`);
      const none = { rows, left: null, read: 0, done: 0, conflicts: 0, quarantined: 0 };
      if (observed('fieldseal:job'))
        publish('fieldseal:job', { action, job, kind: plan.kind, model: plan.model, ...none });
    });
  }
}

const PAST = { pause: 'paused', resume: 'resumed', cancel: 'cancelled' } as const;

async function safely<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw databaseError(error);
  }
}
