import { decryptError, FieldsealError, isFieldsealError } from '../errors.ts';
import { type KekEvent, observed, publish } from '../events.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import type { KeyWrapper, WrapContext, WrapOptions } from './key-wrapper.ts';
import { decodeMemberKeys, encodeMemberKeys, MAX_MEMBERS, type MemberKey } from './multi-blob.ts';

/** Options of {@link multiKek}. */
export interface MultiKekOptions {
  /**
   * Id of the whole; `multi` by default. It says nothing of the members, so that members may come and go: what was wrapped before stays
   * readable by those that wrapped it.
   */
  readonly id?: string;
  /** How many members have to wrap a key; all by default. Fewer let keys be made while a service is down, with less to fall back upon. */
  readonly wrapQuorum?: number;
  /** How long a member that failed is asked last, in ms; 30 000 by default. */
  readonly restMs?: number;
}

/**
 * Wraps every key under several KEKs: any one of them unwraps it, so that losing one loses nothing. Unwrapping asks the members in their
 * order. It is as secret as the weakest member.
 *
 * A member that did not do its part is reported on `fieldseal:kek` with the outcome `partial`, also one that a stored key lacks.
 *
 * @throws ERR_OPTIONS for fewer than two members or more than eight, for ids that are not distinct, or a quorum that cannot be
 */
export function multiKek(members: readonly KeyWrapper[], options: MultiKekOptions = {}): KeyWrapper {
  const { id = 'multi', wrapQuorum = members.length, restMs = 30_000 } = options;
  if (members.length < 2 || members.length > MAX_MEMBERS)
    throw new FieldsealError('ERR_OPTIONS', `a multi KEK has 2 to ${MAX_MEMBERS} members`);
  if (new Set([...members.map((member) => member.id), id]).size <= members.length)
    throw new FieldsealError('ERR_OPTIONS', 'the members of a multi KEK have ids of their own');
  // The id begins the scope that members see; with a slash in it, two ids and scopes could give the same text.
  if (!/^[\w.:-]+$/.test(id))
    throw new FieldsealError('ERR_OPTIONS', 'the id of a multi KEK is letters, digits, and _ . : -');
  if (!Number.isInteger(wrapQuorum) || wrapQuorum < 1 || wrapQuorum > members.length)
    throw new FieldsealError('ERR_OPTIONS', 'wrapQuorum is a number of members');

  /** When a member may be asked in its turn again, by the monotonic clock in ms. */
  const resting = new Map<string, number>();
  const rests = (member: KeyWrapper) => (resting.get(member.id) ?? 0) > performance.now();
  const note = (operation: KekEvent['operation'], member: KeyWrapper, error: unknown) => {
    // One that answers "not mine" is healthy.
    if (!isFieldsealError(error, 'ERR_DECRYPT')) resting.set(member.id, performance.now() + restMs);
    report(operation, member.id, isFieldsealError(error) ? error.code : undefined);
  };

  return {
    id,
    async wrap(key, context, { signal }: WrapOptions = {}) {
      signal?.throwIfAborted();
      const bound = within(id, context);
      const results = await Promise.allSettled(members.map((member) => member.wrap(key, bound, { signal })));
      signal?.throwIfAborted();
      const keys: MemberKey[] = [];
      const errors: unknown[] = [];
      for (const [at, result] of results.entries()) {
        const member = members[at] as KeyWrapper;
        if (result.status === 'fulfilled') keys.push({ id: member.id, wrapped: result.value });
        else {
          errors.push(result.reason);
          note('wrap', member, result.reason);
        }
      }
      if (keys.length < wrapQuorum) throw errors[0];
      return encodeMemberKeys(keys);
    },
    async unwrap(wrapped, context, { signal }: WrapOptions = {}): Promise<SecretBytes> {
      signal?.throwIfAborted();
      const keys = decodeMemberKeys(wrapped);
      if (keys === null) throw decryptError({ keyId: context.keyId });
      const bound = within(id, context);
      const wrappedBy = new Map(keys.map((key) => [key.id, key.wrapped]));
      for (const member of members) if (!wrappedBy.has(member.id)) report('unwrap', member.id, undefined);
      const able = members.filter((member) => wrappedBy.has(member.id));
      // Sorting is stable: the order of the members holds among those that rest and among those that do not.
      const inTurn = able.toSorted((a, b) => Number(rests(a)) - Number(rests(b)));
      let failure: unknown;
      for (const member of inTurn) {
        try {
          const key = await member.unwrap(wrappedBy.get(member.id) as Uint8Array, bound, { signal });
          resting.delete(member.id);
          return key;
        } catch (error) {
          signal?.throwIfAborted();
          note('unwrap', member, error);
          // "Could not be asked" outweighs "not mine": a member that is down might have opened it.
          if (failure === undefined || isFieldsealError(failure, 'ERR_DECRYPT')) failure = error;
        }
      }
      throw failure ?? decryptError({ keyId: context.keyId });
    },
  };
}

/** The context that members bind a key to: the scope carries the id of the whole, so that a member's own key does not open in its place. */
function within(id: string, context: WrapContext): WrapContext {
  return { ...context, scope: `${id}/${context.scope}` };
}

function report(operation: KekEvent['operation'], kekId: string, code: string | undefined): void {
  if (observed('fieldseal:kek'))
    publish('fieldseal:kek', { operation, kekId, outcome: 'partial', code, attempt: 1, ms: 0 });
}
