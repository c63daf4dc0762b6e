import { keyStoreTable, type SqlDialect } from '@fieldseal/core';
import { prismaKeyModel } from '@fieldseal/prisma';
import { usage } from '../../arguments.ts';
import type { Command, CommandInput, Report } from '../../command.ts';

const PROVIDERS = ['postgresql', 'mysql', 'sqlite'] as const satisfies readonly SqlDialect[];

/** `fieldseal keys table` */
export const keysTable: Command = {
  name: 'keys table',
  summary: 'print the table of a key store, as SQL or as a Prisma model',
  details: ['Changes nothing and needs no key.'],
  positionals: ['provider'],
  options: {
    table: { value: 'name', help: 'name of the table; fieldseal_key by default' },
    prisma: { help: 'print the model for schema.prisma instead of SQL' },
  },
  audit: 'none',
  run: print,
};

async function print({ options, positionals: [given] }: CommandInput): Promise<Report> {
  const provider = PROVIDERS.find((name) => name === given);
  if (provider === undefined) throw usage(keysTable, `the provider is one of ${PROVIDERS.join(', ')}`);
  if ('prisma' in options && options['table'] !== undefined)
    throw usage(keysTable, 'another table of the model is named by its @@map and the option table of prismaKeyStore');
  const text = 'prisma' in options ? prismaKeyModel(provider) : keyStoreTable(provider, options['table']);
  return { lines: [text], json: 'prisma' in options ? { provider, model: text } : { provider, sql: text } };
}
