import { channel } from 'node:diagnostics_channel';

/** A batch of values was encrypted or decrypted. */
export interface CipherEvent {
  readonly operation: 'encrypt' | 'decrypt';
  /** Number of values in the batch. */
  readonly count: number;
  /** Engine that did the work. */
  readonly engine: string;
  /** Wall time in milliseconds. */
  readonly ms: number;
}

/** A value was refused. It carries the place, never the value. */
export interface FailureEvent {
  readonly code: string;
  readonly model: string | undefined;
  readonly field: string | undefined;
  readonly keyId: string | undefined;
}

/** A keyring was opened or changed. */
export interface KeyringEvent {
  readonly action:
    | 'create'
    | 'open'
    | 'reload'
    | 'add'
    | 'promote'
    | 'disable'
    | 'enable'
    | 'schedule-destroy'
    | 'cancel-destroy'
    | 'destroy'
    | 'add-slot'
    | 'remove-slot'
    | 'close';
  readonly keyringId: string;
  readonly generation: number;
  /** Key id, or the id of the slot. */
  readonly subject: string | undefined;
}

/** A key has encrypted half of the messages that it may. */
export interface WearEvent {
  readonly keyId: string;
  /** Messages encrypted by this process under the key. */
  readonly messages: number;
  readonly limit: number;
}

/** Something happened to the cache of keys. It names no scope: scopes are the customers of whoever runs this. */
export interface CacheEvent {
  readonly action: CacheAction;
  readonly keyringId: string;
  /** Scopes that it is about, as a number. */
  readonly scopes: number;
}

/**
 * What happened to a cache:
 *
 * - `read`: keysets came from the key store; `shared`: from the shared cache
 * - `refused`: the shared cache gave something that this keyring did not put there, or that is too old; it counted as nothing
 * - `failed`: the shared cache failed or took too long; `opened`, `closed`: its circuit breaker gave it up, or tries it again
 * - `lost`: an announcement of a change was missed, so that all cached keysets are read again
 * - `stale`: keysets could not be read again in time and are used until their age ends
 */
export type CacheAction = 'read' | 'shared' | 'refused' | 'failed' | 'opened' | 'closed' | 'lost' | 'stale';

/** What is published on which channel of node:diagnostics_channel. */
export interface Channels {
  readonly 'fieldseal:cipher': CipherEvent;
  readonly 'fieldseal:failure': FailureEvent;
  readonly 'fieldseal:keyring': KeyringEvent;
  readonly 'fieldseal:wear': WearEvent;
  readonly 'fieldseal:cache': CacheEvent;
}

const channels = {
  'fieldseal:cipher': channel('fieldseal:cipher'),
  'fieldseal:failure': channel('fieldseal:failure'),
  'fieldseal:keyring': channel('fieldseal:keyring'),
  'fieldseal:wear': channel('fieldseal:wear'),
  'fieldseal:cache': channel('fieldseal:cache'),
};

/** Whether anybody listens; guards the work of making an event. */
export function observed(name: keyof Channels): boolean {
  return channels[name].hasSubscribers;
}

/** Publishes an event. A listener that throws cannot disturb the caller (node:diagnostics_channel reports it on its own). */
export function publish<N extends keyof Channels>(name: N, event: Channels[N]): void {
  channels[name].publish(event);
}
