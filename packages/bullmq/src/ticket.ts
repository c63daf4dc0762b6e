import { FieldsealError } from '@fieldseal/core';

/** What stands in the queue: which job to work on. It holds no secret and no value. */
export interface Ticket {
  /** Id of a job. */
  readonly job: string;
}

/** Options of a ticket, as BullMQ takes them. */
export interface TicketOptions {
  readonly attempts: number;
  readonly backoff: { readonly type: 'exponential'; readonly delay: number };
  readonly removeOnComplete: boolean;
  readonly removeOnFail: { readonly count: number };
}

/** A `Queue` of BullMQ, or anything like it. */
export interface QueueLike {
  add(name: string, data: Ticket, options: TicketOptions): Promise<unknown>;
}

/** Name of tickets in the queue. */
const NAME = 'fieldseal';

/** Errors that go away are tried again over about a minute; what failed for good is kept to look at. */
const OPTIONS: TicketOptions = {
  attempts: 6,
  backoff: { type: 'exponential', delay: 2000 },
  removeOnComplete: true,
  removeOnFail: { count: 100 },
};

/**
 * Puts tickets for a job into the queue, one for each worker that is to share it.
 *
 * A ticket only says: wake up and work. It may be delivered twice, late, or to a worker that dies: what is done and by whom stands in the
 * database. When tickets are lost, as in a Redis without persistence, put new ones; too many do no harm.
 *
 * @param workers - how many tickets, 1 to 100; 1 by default
 * @throws ERR_OPTIONS for another number; what the queue throws
 */
export async function enqueueWork(queue: QueueLike, job: string, workers = 1): Promise<void> {
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 100))
    throw new FieldsealError('ERR_OPTIONS', 'workers is a whole number from 1 to 100');
  for (let count = 0; count < workers; count++) await queue.add(NAME, { job }, OPTIONS);
}

/** The ticket in the data of a queued job. Throws ERR_OPTIONS for anything else that stands in the queue. */
export function ticketOf(data: unknown): Ticket {
  const { job } = (typeof data === 'object' && data !== null ? data : {}) as { readonly job?: unknown };
  if (typeof job === 'string' && job !== '') return { job };
  throw new FieldsealError('ERR_OPTIONS', 'what came from the queue is no ticket', {
    hint: 'Give the tickets of Fieldseal a queue of their own.',
  });
}
