import {
  APPLICATION_SCOPE,
  type EngineName,
  FieldCipher,
  FieldsealError,
  type KeySource,
  type KeyView,
  openEnvironmentKeyring,
} from '@fieldseal/core';
import { Prisma } from '@prisma/client/extension';
import { fluentPathOf, hasExtension } from './client-internals.ts';
import { type CompiledModel, compileSchema } from './schema/compiled-schema.ts';
import { schemaMapFor } from './schema/from-client.ts';
import type { SchemaMap } from './schema/schema-map.ts';
import { operationOf, planArguments } from './walk/arguments.ts';
import { collectCells, type ResultCell } from './walk/results.ts';

/** Name under which the extension is known to Prisma. */
const NAME = 'fieldseal';

/** Options of {@link encryption}. All have safe defaults. */
export interface EncryptionOptions {
  /**
   * Where keys come from: an open keyring, or a function that opens one on the first query that needs a key. By default the keyring of
   * the environment: FIELDSEAL_KEYRING, opened by FIELDSEAL_KEY or FIELDSEAL_PASSPHRASE.
   */
  readonly keyring?: KeySource | (() => Promise<KeySource>);
  /** Schema map from the fieldseal generator. By default it is read from the client; a map of another schema is refused. */
  readonly schema?: SchemaMap;
  /** Engine that does the cryptography; `auto`, the fastest that works here, by default. */
  readonly engine?: EngineName | 'auto';
}

/** What Prisma passes to a query extension. */
interface QueryParams {
  readonly model: string;
  readonly operation: string;
  readonly args: unknown;
  readonly query: (args: unknown) => Promise<unknown>;
}

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
 * is applied twice; later, from queries, the errors of keys, filters and cells
 */
export function encryption(options: EncryptionOptions = {}): <Client>(client: Client) => Client {
  const extension = Prisma.defineExtension((client) => {
    if (hasExtension(client, NAME))
      throw new FieldsealError('ERR_OPTIONS', 'encryption() was applied to this client before', {
        hint: 'Applied twice it would encrypt twice. Remove one.',
      });
    const models = compileSchema(schemaMapFor(client, options.schema));
    const transform = new Transform(options);
    const $allOperations = (params: QueryParams): Promise<unknown> => {
      const model = models.get(params.model);
      if (model === undefined)
        throw new FieldsealError('ERR_SCHEMA_STALE', 'the model is not in the schema', { model: params.model });
      return model.reaches ? transform.run(model, params) : params.query(params.args);
    };
    return client.$extends({ name: NAME, query: { $allModels: { $allOperations } } } as Parameters<
      typeof client.$extends
    >[0]);
  });
  return extension as unknown as <Client>(client: Client) => Client;
}

/** Runs one query: locate, resolve keys, transform, and the same on the way back. The only place that waits for keys. */
class Transform {
  readonly #cipher: FieldCipher;
  readonly #open: () => Promise<KeySource>;
  #keys: KeySource | undefined;
  #opening: Promise<KeySource> | undefined;

  constructor({ keyring, engine = 'auto' }: EncryptionOptions) {
    this.#cipher = new FieldCipher({ engine });
    this.#open = typeof keyring === 'function' ? keyring : openEnvironmentKeyring;
    if (keyring === undefined || typeof keyring === 'function') return;
    if (typeof (keyring as Partial<KeySource> | null)?.peek !== 'function') {
      const hint = 'Give an open keyring (await openKeyring(…)), or a function that opens one.';
      throw new FieldsealError('ERR_OPTIONS', 'the option keyring of encryption() is no keyring', { hint });
    }
    this.#keys = keyring;
  }

  async run(model: CompiledModel, params: QueryParams): Promise<unknown> {
    const operation = operationOf(model, params.operation);
    const plan = planArguments(model, operation, params.args);
    if (!plan.empty) plan.apply(this.#cipher, this.#keys?.peek(APPLICATION_SCOPE) ?? (await this.#resolve()));
    const result = await params.query(params.args);
    if (!operation.rows) return result;
    return this.#decrypt(fluentPathOf(params).reduce(follow, model), result);
  }

  async #decrypt(model: CompiledModel, result: unknown): Promise<unknown> {
    const found: ResultCell[] = [];
    const copy = collectCells(model, result, found);
    if (found.length === 0) return copy;
    const cells = this.#cipher.parse(found);
    const keyIds = new Set(cells.map(({ cell }) => cell.keyId));
    const view = this.#keys?.peek(APPLICATION_SCOPE, keyIds) ?? (await this.#resolve(keyIds));
    const values = this.#cipher.decrypt(view, cells);
    for (const [at, { row, spec }] of found.entries()) row[spec.field] = values[at];
    return copy;
  }

  /** Opens the keyring once, whatever races; a failure is reported to every query that waits, and the next one tries again. */
  async #resolve(keyIds: Iterable<string> = []): Promise<KeyView> {
    if (this.#keys === undefined) {
      const open = () => Promise.resolve().then(this.#open);
      this.#opening ??= open().finally(() => {
        this.#opening = undefined;
      });
      this.#keys = await this.#opening;
    }
    return this.#keys.peek(APPLICATION_SCOPE, keyIds) ?? (await this.#keys.resolve(APPLICATION_SCOPE, keyIds));
  }
}

/** The model behind a relation field of a fluent call. */
function follow(model: CompiledModel, field: string): CompiledModel {
  const node = model.fields.get(field);
  if (node?.kind === 'relation') return node.model;
  throw new FieldsealError('ERR_SCHEMA_STALE', 'a fluent call follows an unknown relation', {
    model: model.name,
    field,
  });
}
