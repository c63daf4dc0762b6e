import { isFieldsealError } from '@fieldseal/core';
import type { JobControl, JobEngine, JobRecord, WorkEnd } from '@fieldseal/core/jobs';
import { enqueueWork, type QueueLike, ticketOf } from './ticket.ts';

/** How long one ticket works, in ms. */
const FOR_MS = 30_000;

/** How a ticket ended: as the work did, or `unknown` where there is no such job any more. */
export type TicketEnd = WorkEnd | 'unknown';

/** Options of {@link ticketProcessor}. */
export interface TicketProcessorOptions {
  /** Where a ticket that ran out of time puts the next one. */
  readonly queue: QueueLike;
  /** Looks jobs up. */
  readonly control: JobControl;
  /** The engine for a job: over the rows of its model. */
  readonly engine: (job: JobRecord) => JobEngine | Promise<JobEngine>;
  /** How long a ticket works before it makes room for others, in ms; 30 000 by default. */
  readonly forMs?: number;
  /** Ends the work after the batch at hand, as when the process is asked to stop. The ticket is put back for another worker. */
  readonly signal?: AbortSignal;
  /** Asked before every batch: how many ms to rest first. */
  readonly pace?: () => Promise<number> | number;
}

/**
 * The processor of a BullMQ worker.
 *
 * @example
 * ```ts
 * const processor = ticketProcessor({ queue, control, engine: ({ plan }) => new JobEngine({ source: prismaRows(plain, plan.model), keys: keyring }) });
 * new Worker('fieldseal', processor, { connection, concurrency: 1 });
 * await enqueueWork(queue, job, 2);
 * ```
 * @returns the function to pass on; it throws what the job throws, after which BullMQ tries the ticket again
 */
export function ticketProcessor(
  options: TicketProcessorOptions,
): (queued: { readonly data: unknown }) => Promise<TicketEnd> {
  const { queue, control, engine, forMs = FOR_MS, signal, pace } = options;
  return async ({ data }) => {
    const { job } = ticketOf(data);
    const record = await control.status(job).catch((error: unknown) => {
      if (isFieldsealError(error, 'ERR_JOB_UNKNOWN')) return null; // to try again would not bring it back
      throw error;
    });
    if (record === null) return 'unknown';
    if (record.state !== 'running' && record.state !== 'planning') return record.state;
    const jobs = await engine(record);
    const end = await jobs.work(job, {
      forMs,
      ...(signal === undefined ? {} : { signal }),
      ...(pace === undefined ? {} : { pace }),
    });
    // A worker that dies before this line has its ticket delivered again.
    if (end === 'time' || end === 'aborted') await enqueueWork(queue, job);
    return end;
  };
}
