import { SecretBytes } from '@fieldseal/core';
import type { Command } from '../../command.ts';
import { table } from '../../table.ts';

/** `fieldseal audit key` */
export const auditKey: Command = {
  name: 'audit key',
  summary: 'make the keys of an audit log',
  details: [
    'Makes a pair of keys that signs the checkpoints of an audit log, and the key under which identifiers in it are hashed. They are shown\n' +
      'once and stored nowhere. The name is that of the log: by custom an address without a scheme, as audit.example.com/clinic.',
    'The application gets the private key and the key for identifiers, by its environment; whoever verifies gets the public key.',
  ],
  positionals: ['name'],
  options: {},
  audit: 'none',
  run: async ({ positionals: [name = ''] }) => {
    const { formatNoteSigner, noteSigner } = await import('@fieldseal/monitor/audit');
    const { formatRawKey, generateRawKey } = await import('@fieldseal/core');
    const seed = SecretBytes.random(32);
    const identifiers = generateRawKey();
    try {
      const json = {
        FIELDSEAL_AUDIT_SIGNER: formatNoteSigner(name, seed),
        FIELDSEAL_AUDIT_IDENTIFIER_KEY: formatRawKey(identifiers),
        FIELDSEAL_AUDIT_VERIFIER: noteSigner(name, seed).verifier.text,
      };
      return { lines: table(Object.entries(json)), json };
    } finally {
      seed.wipe();
      identifiers.wipe();
    }
  },
};
