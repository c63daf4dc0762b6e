import {
  APPLICATION_SCOPE,
  type EngineName,
  FieldCipher,
  FieldsealError,
  type Normalizers,
  type ReadWatch,
  type UsePolicy,
} from '@fieldseal/core';
import { Decimal } from '@prisma/client-runtime-utils';
import { bareClientOf, globalOmitOf, hasExtension, providerOf } from './client-internals.ts';
import { type EncryptionHelpers, encryptionHelpers, type ModelsOf } from './encryption-helpers.ts';
import { KeyAccess, type KeyringOption } from './key-access.ts';
import { checkLegacyFields, type LegacyFields } from './legacy-field.ts';
import { rawRedaction, redacting } from './redaction.ts';
import { needsRows, updateRowByRow } from './row-by-row.ts';
import { checkNormalizerOption } from './schema/check-normalizers.ts';
import { type CompiledModel, compileSchema, hasSecondColumns } from './schema/compiled-schema.ts';
import { schemaMapFor } from './schema/from-client.ts';
import type { SchemaMap } from './schema/schema-map.ts';
import type { ScopeOption } from './scope-context.ts';
import { searchesSecond } from './search/index-roots.ts';
import { SEARCH_LIMIT } from './search/search.ts';
import { type QueryParams, Transform } from './transform.ts';
import { UniqueErrors } from './unique-error.ts';
import type { DecimalClass } from './walk/typed-value.ts';

/** Name under which the extension is known to Prisma. */
const NAME = 'fieldseal';

/** Options of {@link encryption}. All have safe defaults. */
export interface EncryptionOptions {
  /**
   * Where keys come from: an open keyring, or a function that opens one on the first query that needs a key. By default the keyring of
   * the environment: FIELDSEAL_KEYRING, opened by FIELDSEAL_KEY or FIELDSEAL_PASSPHRASE.
   */
  readonly keyring?: KeyringOption;
  /**
   * The scope of this client's queries: one id, or a function that is asked for each model of a query, at once, and gives undefined for none.
   * By default that of {@link withScope}; where both name one, they have to agree. A model with `@scope` has the scope in its rows, and then
   * this one has to be the same.
   */
  readonly scope?: ScopeOption;
  /**
   * Whether keys are made for a scope without keys when something is written in it; the default is true. Without it, add scopes by
   * `keyring.addScope(id)`.
   */
  readonly createScopes?: boolean;
  /** Asked once per query, before any SQL, whether it may use keys; by default all may. Its denials are ERR_NOT_AUTHORIZED and ERR_RATE_LIMITED. */
  readonly policy?: UsePolicy;
  /** Schema map from the fieldseal generator. By default it is read from the client; a map of another schema is refused. */
  readonly schema?: SchemaMap;
  /**
   * Whether an update of a field with `bind` that does not name its rows, and one of several rows whose terms have a table of their own, is done row
   * by row, in one transaction. Otherwise it is refused; the default is false, since such an update takes one statement a row, or some.
   */
  readonly rowByRow?: boolean;
  /**
   * Whether errors of Prisma, those of raw SQL included, are freed from the arguments of the query and from rows. Encrypted fields never
   * stand in them, unless in raw SQL; with this nothing else does. The default is false. Prisma's own `error` event has gone out before.
   */
  readonly redactErrors?: boolean;
  /**
   * Class of decimal values: `Prisma.Decimal` of the client. By default the one that ES modules of Prisma have; a client of
   * `prisma-client-js` has another copy, which matters to `instanceof` alone.
   */
  readonly decimal?: DecimalClass;
  /**
   * Normalisers that annotations name and Fieldseal does not bring along, by name: `phone`, and any `"name@version"`. One that is missing is
   * refused with ERR_OPTIONS, one of another version with ERR_SCHEMA_STALE: its terms would not be found.
   *
   * @example
   * ```ts
   * import { parsePhoneNumberFromString } from 'libphonenumber-js';
   *
   * const phone = { version: 1, normalize: (text: string) => parsePhoneNumberFromString(text, 'DE')?.number ?? '' };
   * encryption({ normalizers: { phone } });
   * ```
   */
  readonly normalizers?: Normalizers;
  /**
   * Rows that one search may read and decrypt where the terms of its index only narrow the answer down (docs/search.md); 10 000 by default. One
   * that has more to look at is refused with ERR_SEARCH_LIMIT.
   */
  readonly searchLimit?: number;
  /**
   * Fields with `mode: migrating` whose rows another system encrypted, by model and field: their values are opened when they are read, until a
   * job has encrypted them (docs/migrating.md).
   *
   * @example
   * ```ts
   * encryption({ legacy: { User: { email: { readers: [prismaFieldEncryption({ keys: [key] })] } } } });
   * ```
   */
  readonly legacy?: LegacyFields;
  /** Engine that does the cryptography; `auto`, the fastest that works here, by default. */
  readonly engine?: EngineName | 'auto';
  /** Asked before stored values are opened, and told of it: honey cells and the breaker of @fieldseal/monitor. None by default. */
  readonly watch?: readonly ReadWatch[];
}

/** What the extension uses of a client. */
interface Extendable {
  $extends(extension: object): Extendable;
}

/** What Prisma's `$extends` reads the types of an extension from: here, that the client gets `$encryption`. */
export interface EncryptionExtension<Client> {
  readonly $extends: {
    readonly extArgs: {
      result: Record<never, never>;
      model: Record<never, never>;
      query: Record<never, never>;
      client: { $encryption: () => EncryptionHelpers<ModelsOf<Client>> };
    };
  };
}

/** A client with the extension: the same, and the helpers for raw SQL. */
export type EncryptedClient<Client> = Client & { readonly $encryption: EncryptionHelpers<ModelsOf<Client>> };

/**
 * The Prisma extension: encrypts annotated fields on their way to the database and decrypts them on their way back.
 *
 * Apply it last, so that other extensions see plaintext, and use the client that `$extends` returns. Every query on it either behaves as on
 * a plain client or throws a typed error before any SQL; a filter on an encrypted field without a blind index is such an error.
 *
 * @example
 * ```ts
 * const prisma = new PrismaClient({ adapter }).$extends(encryption());
 * await prisma.patient.create({ data: { email: 'ada@example.com' } });
 * await prisma.patient.findFirst({ where: { email: 'ada@example.com' } });
 * ```
 * @throws ERR_SCHEMA for an annotation that cannot be served, ERR_SCHEMA_STALE for a map of another schema, ERR_OPTIONS when the extension
 * is applied twice or lacks a normaliser; later, from queries, the errors of keys, filters and cells
 */
export function encryption<Client>(options: EncryptionOptions = {}): (client: Client) => EncryptionExtension<Client> {
  const extend = (client: Extendable): Extendable => {
    if (hasExtension(client, NAME))
      throw new FieldsealError('ERR_OPTIONS', 'encryption() was applied to this client before', {
        hint: 'Applied twice it would encrypt twice. Remove one.',
      });
    const map = schemaMapFor(client, options.schema);
    const normalizers = options.normalizers ?? {};
    checkNormalizerOption(map, normalizers);
    const legacy = options.legacy ?? {};
    checkLegacyFields(map, legacy);
    const omitted = (model: string): readonly string[] => globalOmitOf(client, model);
    const models = compileSchema(map, omitted, normalizers, legacy);
    const evenModels = hasSecondColumns(map) ? compileSchema(map, omitted, normalizers, legacy, true) : null;
    const scoped = Object.values(map.models).some((model) => model.scope !== null);
    const cipher = new FieldCipher({ engine: options.engine ?? 'auto', watch: options.watch ?? [] });
    const keys = new KeyAccess(options.keyring, options.createScopes);
    const { scope, policy, decimal = Decimal } = options;
    const limit = searchLimitOf(options);
    const searching = { client: bareClientOf(client), provider: providerOf(client), limit };
    const transform = new Transform({ cipher, keys, decimal, scope, policy, searching });
    const uniqueErrors = new UniqueErrors(map);
    const transformed = (params: QueryParams): Promise<unknown> => {
      const model = models.get(params.model);
      if (model === undefined)
        throw new FieldsealError('ERR_SCHEMA_STALE', 'the model is not in the schema', { model: params.model });
      if (!model.reaches) return params.query(params.args);
      if (options.rowByRow === true && needsRows(model, params))
        return updateRowByRow(extended, model, params, transform.surroundings(), (operation, args) =>
          transform.check(model, operation, args),
        );
      return evenModels === null ? transform.run(model, params) : runByRoot(params);
    };
    /** Which columns are searched depends on the index root, and so do the keys come first. With warm keys nothing waits. */
    const runByRoot = async (params: QueryParams): Promise<unknown> => {
      const surroundings = transform.surroundings();
      const scope = surroundings.of(params.model) ?? APPLICATION_SCOPE;
      const named = scoped
        ? await transform.namedScope(models.get(params.model) as CompiledModel, params, surroundings)
        : undefined;
      const view = named ?? keys.peek(scope) ?? (await keys.forQuery(new Map([[scope, false]]))).get(scope);
      const chosen = view !== undefined && view.indexRoot.version > 0 ? view : undefined; // one without keys has no rows
      const searched = chosen !== undefined && searchesSecond(chosen) ? evenModels : models;
      return transform.run(searched?.get(params.model) as CompiledModel, params, surroundings, chosen);
    };
    const run = (params: QueryParams): Promise<unknown> =>
      uniqueErrors.concern(params.operation) ? uniqueErrors.naming(() => transformed(params)) : transformed(params);
    const redactErrors = options.redactErrors === true;
    const extended = client.$extends({
      name: NAME,
      client: { $encryption: encryptionHelpers({ map, models, cipher, keys, transform }) },
      query: {
        $allModels: { $allOperations: redactErrors ? (params: QueryParams) => redacting(() => run(params)) : run },
        ...(redactErrors ? rawRedaction() : {}),
      },
    });
    return extended;
  };
  // A function is an extension: Prisma.defineExtension() would give it back as it is, and loading that takes 10 ms.
  return extend as unknown as (client: Client) => EncryptionExtension<Client>;
}

function searchLimitOf({ searchLimit = SEARCH_LIMIT }: EncryptionOptions): number {
  if (Number.isSafeInteger(searchLimit) && searchLimit >= 1 && searchLimit < 2 ** 31 - 1) return searchLimit;
  throw new FieldsealError('ERR_OPTIONS', 'searchLimit is a number of rows from 1 on');
}
