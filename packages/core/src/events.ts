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

/** Where a job over stored rows stands. Totals of the job, so that whoever listens late is right; published once per batch of rows. */
export interface RotationEvent {
  /** What the job does. Not the id of the job: that would be a new series of metrics for each. */
  readonly job: 'reencrypt' | 'backfill' | 'rewrap' | 'verify';
  /** Model of the rows; empty for `rewrap`, which has none. */
  readonly model: string;
  readonly state: 'running' | 'paused' | 'done' | 'failed' | 'cancelled';
  /** Rows done so far. */
  readonly rows: number;
  /** Rows left, or undefined where it is not known. */
  readonly remaining: number | undefined;
  /** Rows that another writer changed meanwhile, and that were done again. */
  readonly conflicts: number;
  /** Rows that cannot be opened and were left as they are. */
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

/** Keys were looked up in a cache. Hits of a tier in the process are counted there and published together, as events are not free. */
export interface CacheEvent {
  /** `l1` is in the process, `l2` outside. */
  readonly tier: 'l1' | 'l2';
  /** `error`: the tier did not answer, or gave something that is not authentic. */
  readonly result: 'hit' | 'miss' | 'stale' | 'error';
  /** Number of look-ups. */
  readonly count: number;
  /** Entries in the tier now, where it knows. */
  readonly entries: number | undefined;
}

/** A circuit breaker changed its state. */
export interface BreakerEvent {
  /** What is behind it: a fixed name such as `redis`, never an address. */
  readonly breaker: string;
  readonly state: 'closed' | 'half-open' | 'open';
}

/** A use of keys was refused by policy. */
export interface PolicyEvent {
  /** `denied`: not authorised. `limited`: too often. */
  readonly decision: 'denied' | 'limited';
  readonly operation: 'encrypt' | 'decrypt' | 'index';
  readonly model: string | undefined;
  readonly field: string | undefined;
}

/** A honey cell, which no application reads, was opened. */
export interface HoneyEvent {
  /** Name that the operator gave it. */
  readonly name: string;
  readonly model: string;
  readonly field: string;
}

/** What is published on which channel of node:diagnostics_channel. */
export interface Channels {
  readonly 'fieldseal:cipher': CipherEvent;
  readonly 'fieldseal:failure': FailureEvent;
  readonly 'fieldseal:keyring': KeyringEvent;
  readonly 'fieldseal:wear': WearEvent;
  readonly 'fieldseal:rotation': RotationEvent;
  readonly 'fieldseal:backup': BackupEvent;
  readonly 'fieldseal:cache': CacheEvent;
  readonly 'fieldseal:breaker': BreakerEvent;
  readonly 'fieldseal:policy': PolicyEvent;
  readonly 'fieldseal:honey': HoneyEvent;
}

const channels: Readonly<Record<keyof Channels, Channel>> = {
  'fieldseal:cipher': channel('fieldseal:cipher'),
  'fieldseal:failure': channel('fieldseal:failure'),
  'fieldseal:keyring': channel('fieldseal:keyring'),
  'fieldseal:wear': channel('fieldseal:wear'),
  'fieldseal:rotation': channel('fieldseal:rotation'),
  'fieldseal:backup': channel('fieldseal:backup'),
  'fieldseal:cache': channel('fieldseal:cache'),
  'fieldseal:breaker': channel('fieldseal:breaker'),
  'fieldseal:policy': channel('fieldseal:policy'),
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
