import type { Keyring, KeyStore } from '@fieldseal/core';
import { databaseError, JobControl, type SqlDatabase, SqlJobStore } from '@fieldseal/core/jobs';
import { readSchemaMap } from '@fieldseal/prisma/internal';
import { adapterDatabase, modelTable, PlainRows, SqlRowSource } from '@fieldseal/prisma/jobs';
import { CliError } from '../cli-error.ts';
import type { CommandInput, CommandOption } from '../command.ts';
import { type OpenedKeyring, openWith, STORE_OPTIONS, withKeyStore } from '../commands/keys/request.ts';
import { connect, PROVIDERS } from '../doctor/adapter.ts';
import { DatabaseProblem } from '../doctor/database-problem.ts';
import { readSchemaFile, type SchemaFile } from '../schema-file.ts';

/** Variable that holds the URL of the database unless another is named. */
const URL_VARIABLE = 'DATABASE_URL';

/** Options of every command that looks at live rows. */
export const ROW_OPTIONS: Readonly<Record<'schema' | 'url-env', CommandOption>> = {
  schema: {
    value: 'path',
    help: 'schema file or folder; prisma/schema.prisma, schema.prisma or prisma/schema by default',
  },
  'url-env': {
    value: 'variable',
    help: `environment variable with the URL of the database; ${URL_VARIABLE} by default`,
  },
};

/** Options of every command that works on live rows with the keys. */
export const PROJECT_OPTIONS: Readonly<Record<string, CommandOption>> = { ...ROW_OPTIONS, ...STORE_OPTIONS };

/** The option that confines a command to the rows of one scope. */
export const ROWS_SCOPE_OPTION: Readonly<Record<string, CommandOption>> = {
  scope: { value: 'scope', help: 'only the rows of this scope, of models with @scope' },
};

/** The application in the working directory: its schema, its database by its own driver adapter, and its keys. */
export class JobProject {
  readonly schema: SchemaFile;
  readonly database: SqlDatabase;
  readonly control: JobControl;
  readonly #input: CommandInput;
  readonly #keyStore: { readonly keyStore?: KeyStore };
  #keyring: Promise<OpenedKeyring> | undefined;

  private constructor(
    schema: SchemaFile,
    database: SqlDatabase,
    input: CommandInput,
    keyStore: { readonly keyStore?: KeyStore },
  ) {
    this.schema = schema;
    this.database = database;
    this.control = new JobControl(new SqlJobStore(database));
    this.#input = input;
    this.#keyStore = keyStore;
  }

  /**
   * Opens the project for `work`, and closes whatever was opened.
   *
   * @throws ERR_USAGE without a URL, ERR_FILE_IO without a schema, ERR_DATABASE when the database cannot be reached
   */
  static async use<T>(input: CommandInput, work: (project: JobProject) => Promise<T>): Promise<T> {
    const schema = await readSchemaFile(input.options['schema']);
    const name = input.options['url-env'] ?? URL_VARIABLE;
    const url = input.env[name];
    if (!url)
      throw new CliError(
        'ERR_USAGE',
        `${name} is not set`,
        'Set it to the URL of the database, or name another variable with --url-env.',
      );
    const provider = schema.provider === 'postgres' ? 'postgresql' : schema.provider;
    const dialect = DIALECTS.find((known) => known === provider);
    if (dialect === undefined || !PROVIDERS.includes(provider))
      throw new CliError(
        'ERR_USAGE',
        `jobs do not know databases of the provider ${provider}`,
        'Use a RowSource of your own with @fieldseal/core/jobs.',
      );
    const adapter = await connect(provider, url, process.cwd()).catch((error: unknown) => {
      const { message } = DatabaseProblem.of(error);
      throw new CliError(
        'ERR_DATABASE',
        message,
        'Check the URL, the server, and that the driver adapter is installed.',
      );
    });
    try {
      return await withKeyStore(undefined, input, async (keyStore) => {
        const project = new JobProject(schema, adapterDatabase(adapter, dialect), input, keyStore);
        return work(project)
          .catch((error: unknown) => {
            throw error instanceof Error && error.name === 'DriverAdapterError' ? databaseError(error) : error;
          })
          .finally(() => project.#close());
      });
    } finally {
      await adapter.dispose().catch(() => undefined);
    }
  }

  /** Models with encrypted fields, or the one that `--model` names. */
  get models(): readonly string[] {
    return this.modelsIn(undefined);
  }

  /** The same; where a scope is given, those whose rows name theirs. */
  modelsIn(confined: string | undefined): readonly string[] {
    const { model } = this.#input.options;
    if (model !== undefined) return [model];
    const { models } = readSchemaMap(this.schema.text);
    return Object.entries(models).flatMap(([name, { encrypted, scope }]) =>
      Object.keys(encrypted).length > 0 && (confined === undefined || scope !== null) ? [name] : [],
    );
  }

  /**
   * Rows of a model.
   *
   * @param fields - the fields to work on; all by default
   */
  source(model: string, fields?: readonly string[], { before, scope }: SourceOptions = {}): SqlRowSource {
    return new SqlRowSource(this.database, modelTable({ schema: this.schema.text, model, fields, before }), scope);
  }

  /** Rows of a model in plaintext; of one scope where it is given. */
  async plainRows(model: string, scope: string | undefined): Promise<PlainRows> {
    const { database } = this;
    return new PlainRows({ database, schema: this.schema.text, model, scope, keys: await this.keyring() });
  }

  /** The keyring that the environment opens, opened once. */
  async keyring(): Promise<Keyring> {
    this.#keyring ??= openWith(this.#input, this.#keyStore);
    return (await this.#keyring).keyring;
  }

  async #close(): Promise<void> {
    await this.#keyring?.then(
      ({ close }) => close(),
      () => undefined, // whoever asked for it has the error
    );
  }
}

/** How rows are read. */
export interface SourceOptions {
  /** Text of the older schema, where cells are written in another way. */
  readonly before?: string | undefined;
  /** The scope whose rows alone are meant. */
  readonly scope?: string | undefined;
}

const DIALECTS = ['postgresql', 'mysql', 'sqlite'] as const;
