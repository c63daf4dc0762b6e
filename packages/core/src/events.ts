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

/** A job did something: a batch with its counts, or a change of its state. */
export interface JobEvent {
  readonly action: 'start' | 'batch' | 'pause' | 'resume' | 'cancel' | 'done';
  readonly job: string;
  readonly kind: string;
  readonly model: string;
  /** Rows of the batch that were looked at, changed, and changed by others meanwhile. */
  readonly read: number;
  readonly done: number;
  readonly conflicts: number;
  /** Values of the batch that could not be served. */
  readonly quarantined: number;
}

/** What is published on which channel of node:diagnostics_channel. */
export interface Channels {
  readonly 'fieldseal:cipher': CipherEvent;
  readonly 'fieldseal:failure': FailureEvent;
  readonly 'fieldseal:job': JobEvent;
  readonly 'fieldseal:keyring': KeyringEvent;
  readonly 'fieldseal:wear': WearEvent;
}

const channels = {
  'fieldseal:cipher': channel('fieldseal:cipher'),
  'fieldseal:failure': channel('fieldseal:failure'),
  'fieldseal:job': channel('fieldseal:job'),
  'fieldseal:keyring': channel('fieldseal:keyring'),
  'fieldseal:wear': channel('fieldseal:wear'),
};

/** Whether anybody listens; guards the work of making an event. */
export function observed(name: keyof Channels): boolean {
  return channels[name].hasSubscribers;
}

/** Publishes an event. A listener that throws cannot disturb the caller (node:diagnostics_channel reports it on its own). */
export function publish<N extends keyof Channels>(name: N, event: Channels[N]): void {
  channels[name].publish(event);
}
