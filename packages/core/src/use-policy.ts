/**
 * Who may use keys, and how often: asked once per query and model, before any SQL.
 *
 * @module
 */
import { currentActor } from './actor.ts';
import { FieldsealError } from './errors.ts';
import { publish } from './events.ts';

/** What a query does with the encrypted fields of one model. */
export interface FieldUse {
  /** Scope whose keys are used; empty for the whole application, null where rows that are read tell it and nothing before. */
  readonly scope: string | null;
  readonly model: string;
  /** Encrypted fields that the query names, each once. */
  readonly fields: readonly string[];
  /** `search`: terms of blind indexes are made. */
  readonly operation: 'encrypt' | 'decrypt' | 'search';
  /** Points that the use costs at a rate limiter: values, where their number is known before; 1 by default. */
  readonly points?: number;
}

/** A {@link FieldUse} and who asks for it. */
export interface KeyUse extends FieldUse {
  /** From withActor; undefined when nobody was named. */
  readonly actor: string | undefined;
}

/** A limiter of rate-limiter-flexible, in memory or in Redis. */
export interface RateLimiter {
  /** Takes points of a key. Rejects with `{ msBeforeNext }` when there are too few left, and with an Error when it cannot tell. */
  consume(key: string, points: number): Promise<unknown>;
}

/** Options of {@link UsePolicy}. */
export interface UsePolicyOptions {
  /**
   * Whether a use is allowed: only `true` allows it. What it throws is a denial too. Answering without a promise keeps a query that has
   * warm keys from waiting.
   */
  readonly authorize?: (use: KeyUse) => boolean | Promise<boolean>;
  /** Bounds what one actor does. Where it counts in Redis, give it an insurance limiter: without one a Redis that is down denies. */
  readonly limiter?: RateLimiter;
  /** Denies whatever has no actor; by default such uses are allowed, and share one limit. */
  readonly requireActor?: boolean;
}

/**
 * Decides on uses of keys. A denial is a typed error and an event of the channel `fieldseal:denial`; nothing is allowed by a fault.
 *
 * @example
 * ```ts
 * const policy = new UsePolicy({
 *   authorize: ({ actor, model, operation }) => operation !== 'decrypt' || roles.of(actor).includes(`read:${model}`),
 *   limiter: new RateLimiterRedis({ storeClient, points: 10_000, duration: 60, insuranceLimiter }),
 * });
 * ```
 */
export class UsePolicy {
  readonly #authorize: UsePolicyOptions['authorize'];
  readonly #limiter: RateLimiter | undefined;
  readonly #requireActor: boolean;

  constructor({ authorize, limiter, requireActor = false }: UsePolicyOptions) {
    this.#authorize = authorize;
    this.#limiter = limiter;
    this.#requireActor = requireActor;
  }

  /**
   * Allows all uses of a query, or throws. Call it once per query, with one use per model, scope and operation.
   *
   * @returns undefined when nothing has to be waited for
   * @throws ERR_NOT_AUTHORIZED, ERR_RATE_LIMITED; where nothing has to be waited for at once, else by rejecting
   */
  check(uses: readonly FieldUse[]): Promise<void> | undefined {
    const [first] = uses;
    if (first === undefined) return undefined;
    const actor = currentActor();
    if (actor === undefined && this.#requireActor) throw denied({ ...first, actor }, 'ERR_NOT_AUTHORIZED', 'no actor');
    const waiting: Promise<void>[] = [];
    try {
      for (const use of uses) {
        const allowed = this.#allowed({ ...use, actor });
        if (allowed !== undefined) waiting.push(allowed);
      }
    } catch (error) {
      for (const other of waiting) other.catch(() => undefined); // one denial is enough
      throw error;
    }
    const limiter = this.#limiter;
    if (limiter === undefined) return waiting.length === 0 ? undefined : Promise.all(waiting).then(() => undefined);
    // What is not authorised takes no points of the actor's.
    return Promise.all(waiting).then(() => limited(limiter, uses, { ...first, actor }));
  }

  /** Throws, or rejects, unless the hook allows the use. */
  #allowed(use: KeyUse): Promise<void> | undefined {
    if (this.#authorize === undefined) return undefined;
    let answer: boolean | Promise<boolean>;
    try {
      answer = this.#authorize(use);
    } catch (error) {
      throw denied(use, 'ERR_NOT_AUTHORIZED', 'the hook threw', { cause: error });
    }
    if (answer === true) return undefined;
    if (typeof (answer as unknown as PromiseLike<boolean> | null)?.then !== 'function') throw refusal(use);
    return Promise.resolve(answer).then(
      (allowed) => {
        if (allowed !== true) throw refusal(use);
      },
      (error: unknown) => {
        throw denied(use, 'ERR_NOT_AUTHORIZED', 'the hook threw', { cause: error });
      },
    );
  }
}

async function limited(limiter: RateLimiter, uses: readonly FieldUse[], first: KeyUse): Promise<void> {
  const points = uses.reduce((sum, use) => sum + (use.points ?? 1), 0);
  try {
    // The prefix keeps an actor from being called like those who have no name.
    await limiter.consume(first.actor === undefined ? 'anonymous' : `actor:${first.actor}`, points);
  } catch (reason) {
    const wait = (reason as { readonly msBeforeNext?: unknown } | null)?.msBeforeNext;
    if (reason instanceof Error || typeof wait !== 'number')
      throw denied(first, 'ERR_RATE_LIMITED', 'the limiter failed'); // its error may hold a command and so the actor
    const hint = `Try again in ${Math.ceil(wait)} ms.`;
    throw denied(first, 'ERR_RATE_LIMITED', 'the actor has used keys too often', { hint });
  }
}

function refusal(use: KeyUse): FieldsealError {
  return denied(use, 'ERR_NOT_AUTHORIZED', 'the hook did not allow it');
}

/** Publishes a denial and returns its error, which does not name the actor. */
function denied(
  { actor, model, operation, fields }: KeyUse,
  code: 'ERR_NOT_AUTHORIZED' | 'ERR_RATE_LIMITED',
  reason: string,
  details: { readonly hint?: string; readonly cause?: unknown } = {},
): FieldsealError {
  publish('fieldseal:denial', { code, actor, model, fields, operation, reason });
  const what =
    code === 'ERR_NOT_AUTHORIZED' ? 'the use policy does not allow this use of keys' : 'keys are used too often';
  return new FieldsealError(code, what, { ...details, model });
}
