import { type Channel, channel } from 'node:diagnostics_channel';

/** How many values of one field a batch held. */
export interface FieldCount {
  /** Names in the schema. */
  readonly model: string;
  readonly field: string;
  /** Number of values. */
  readonly count: number;
}

/** A batch of values was encrypted or decrypted: one event per query and direction, however many values it has. */
export interface CipherEvent {
  readonly operation: 'encrypt' | 'decrypt';
  /** Number of values in the batch. */
  readonly count: number;
  /** The same by field, which may stand here more than once. */
  readonly fields: readonly FieldCount[];
  /** Values that were under another key than the primary; 0 for encryption. */
  readonly older: number;
  /** Length of the cells: bytes of Bytes columns, characters of others. */
  readonly size: number;
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
    | 'shred'
    | 'cancel-shred'
    | 'destroy-shredded'
    | 'add-index-root'
    | 'promote-index-root'
    | 'retire-index-root'
    | 'add-kek'
    | 'rewrap'
    | 'remove-kek'
    | 'add-slot'
    | 'remove-slot'
    | 'restore'
    | 'close';
  readonly keyringId: string;
  readonly generation: number;
  /** Key id, or the id of the slot. Of a scope that is shredded, the id of its primary: scopes themselves are not named. */
  readonly subject: string | undefined;
}

/** A KEK outside the keyring was used. It names the KEK, never a key or the scope. */
export interface KekEvent {
  readonly operation: 'wrap' | 'unwrap';
  readonly kekId: string;
  /**
   * `ok`: done. `retry`: an attempt failed and another follows. `failed`: given up. `partial`: a `multi` KEK did it without this member, which
   * should be looked at: what was wrapped is less redundant than it should be.
   */
  readonly outcome: 'ok' | 'retry' | 'failed' | 'partial';
  /** Code of the error, if there was one. */
  readonly code: string | undefined;
  /** Attempts so far, from 1. */
  readonly attempt: number;
  /** Wall time since the first attempt began, in milliseconds. */
  readonly ms: number;
}

/** A key has encrypted half of the messages that it may. */
export interface WearEvent {
  readonly keyId: string;
  /** Messages encrypted by this process under the key. */
  readonly messages: number;
  readonly limit: number;
}

/** A job did something: a batch with its counts, or a change of its state. */
export interface JobEvent {
  readonly action: 'start' | 'batch' | 'pause' | 'resume' | 'cancel' | 'done';
  readonly job: string;
  readonly kind: string;
  readonly model: string;
  /** Rows that there were when the job was planned. */
  readonly rows: number;
  /** Rows of these that no worker has passed yet; null where it was not counted, since that is done once a second. */
  readonly left: number | null;
  /** Rows of the batch that were looked at, changed, and changed by others meanwhile. */
  readonly read: number;
  readonly done: number;
  readonly conflicts: number;
  /** Values of the batch that could not be served. */
  readonly quarantined: number;
}

/** Something was done with a backup, or was tried. */
export interface BackupEvent {
  readonly action: 'create' | 'verify' | 'drill' | 'restore';
  /** What the backup holds. */
  readonly kind: 'keyring' | 'metadata' | 'rows';
  readonly ok: boolean;
  /** Size of the backup in bytes, where known. */
  readonly bytes: number | undefined;
  /** Wall time in milliseconds. */
  readonly ms: number;
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

/** A use of keys was denied by the use policy. It names the actor, which an audit needs: treat it as personal data. */
export interface DenialEvent {
  readonly code: 'ERR_NOT_AUTHORIZED' | 'ERR_RATE_LIMITED';
  readonly actor: string | undefined;
  readonly model: string;
  readonly fields: readonly string[];
  readonly operation: 'encrypt' | 'decrypt' | 'search';
  /** Why, in a few words of ours. */
  readonly reason: string;
}

/** A honey cell, which no application reads, was opened. */
export interface HoneyEvent {
  /** Name that the operator gave it. */
  readonly name: string;
  readonly model: string;
  readonly field: string;
}

/** Rows were read and decrypted because the terms of a blind index only narrow down what a filter asks for. */
export interface SearchEvent {
  readonly model: string;
  /** Field that holds the terms of the index. */
  readonly index: string;
  /** Rows that were read and decrypted. */
  readonly read: number;
  /** Rows among them that satisfy the comparison. */
  readonly matched: number;
}

/** What is published on which channel of node:diagnostics_channel. */
export interface Channels {
  readonly 'fieldseal:cipher': CipherEvent;
  readonly 'fieldseal:denial': DenialEvent;
  readonly 'fieldseal:failure': FailureEvent;
  readonly 'fieldseal:kek': KekEvent;
  readonly 'fieldseal:keyring': KeyringEvent;
  readonly 'fieldseal:search': SearchEvent;
  readonly 'fieldseal:wear': WearEvent;
  readonly 'fieldseal:job': JobEvent;
  readonly 'fieldseal:backup': BackupEvent;
  readonly 'fieldseal:cache': CacheEvent;
  readonly 'fieldseal:honey': HoneyEvent;
}

const channels: Readonly<Record<keyof Channels, Channel>> = {
  'fieldseal:cipher': channel('fieldseal:cipher'),
  'fieldseal:denial': channel('fieldseal:denial'),
  'fieldseal:failure': channel('fieldseal:failure'),
  'fieldseal:kek': channel('fieldseal:kek'),
  'fieldseal:keyring': channel('fieldseal:keyring'),
  'fieldseal:search': channel('fieldseal:search'),
  'fieldseal:wear': channel('fieldseal:wear'),
  'fieldseal:job': channel('fieldseal:job'),
  'fieldseal:backup': channel('fieldseal:backup'),
  'fieldseal:cache': channel('fieldseal:cache'),
  'fieldseal:honey': channel('fieldseal:honey'),
};

/** Whether anybody listens; guards the work of making an event. */
export function observed(name: keyof Channels): boolean {
  return channels[name].hasSubscribers;
}

/** Publishes an event. A listener that throws cannot disturb the caller (node:diagnostics_channel reports it on its own). */
export function publish<N extends keyof Channels>(name: N, event: Channels[N]): void {
  channels[name].publish(event);
}
