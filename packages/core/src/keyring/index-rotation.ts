/**
 * When a rotation of index roots may take its next step (docs/search.md): once every process has taken the one before, and no row is left that
 * the step would lose.
 *
 * @module
 */
import { FieldsealError } from '../errors.ts';
import type { KeySeries, KeysetRecord } from '../key-store/keyset-record.ts';
import { shreddedError } from '../shredding.ts';

/**
 * How long a step has to be known before the next one, in ms: 25 hours. No process uses keys that it read more than a day ago, whatever its
 * cache; the rest is for transactions that are under way.
 */
export const INDEX_WAIT_MS: number = 25 * 60 * 60 * 1000;

/** What the next step of a rotation is sure of. */
export interface IndexStep {
  /**
   * Counts the rows that lack a term of the root that is the primary from then on, where each row has to have one. Called when the waiting time is over, since
   * rows that are written before may lack it.
   */
  readonly rows: () => Promise<number>;
  /**
   * Whether the caller vouches that every process has read the keyring since the last step, and that no transaction from before is under way, as
   * when all were started again. By default {@link INDEX_WAIT_MS} has to pass.
   */
  readonly everyProcessKnows?: boolean;
}

/**
 * A keyset with another series of index roots.
 *
 * @throws ERR_KEY_DISABLED or ERR_KEY_DESTROYED for a scope that is being shredded, or was
 */
export function changeIndex(record: KeysetRecord, step: (series: KeySeries) => KeySeries): KeysetRecord {
  const shredded = shreddedError(record);
  if (shredded !== undefined) throw shredded;
  return { ...record, index: step(record.index) };
}

/**
 * The change of a keyset that takes a step, if no other was taken since it was found to be due.
 *
 * @param index - the index roots as they are stored
 * @throws ERR_INDEX_ROTATION when it is too early, or rows are left; whatever `change` throws
 */
export async function nextIndexStep(
  index: KeySeries,
  keyId: string,
  step: IndexStep,
  change: (series: KeySeries, keyId: string, now: number) => KeySeries,
): Promise<(record: KeysetRecord) => KeysetRecord> {
  change(index, keyId, Date.now()); // what cannot be done at all is said before rows are counted
  await checkIndexStep(index, step, Date.now());
  return (record) =>
    changeIndex(record, (series) => {
      if (series.since !== index.since)
        throw new FieldsealError('ERR_KEYRING_BUSY', 'another step was taken meanwhile');
      return change(series, keyId, Date.now());
    });
}

/**
 * Checks that a step may be taken.
 *
 * @param now - ms since the Unix epoch
 * @throws ERR_INDEX_ROTATION when it is too early, or rows are left
 */
async function checkIndexStep({ since }: KeySeries, step: IndexStep, now: number): Promise<void> {
  const end = since === undefined ? 0 : Date.parse(since) + INDEX_WAIT_MS;
  if (step.everyProcessKnows !== true && now < end)
    throw new FieldsealError('ERR_INDEX_ROTATION', `processes may still use what they read before the last step`, {
      hint: `Wait until ${new Date(end).toISOString()}, or say that every process has read the keyring since.`,
    });
  const rows = await step.rows();
  if (rows !== 0)
    throw new FieldsealError('ERR_INDEX_ROTATION', 'some rows have no term of the index root yet', {
      hint: 'Fill the indexes (`fieldseal index rotate continue`) until none is left.',
    });
}
