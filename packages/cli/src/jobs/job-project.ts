import {
  type Environment,
  environmentOpeners,
  type Keyring,
  keyringFile,
  keyringPath,
  openKeyring,
} from '@fieldseal/core';
import { JobControl, type SqlDatabase, SqlJobStore } from '@fieldseal/core/jobs';
import { readSchemaMap } from '@fieldseal/prisma/internal';
import { adapterDatabase, modelTable, SqlRowSource } from '@fieldseal/prisma/jobs';
import { CliError } from '../cli-error.ts';
import type { CommandInput, CommandOption } from '../command.ts';
import { type Adapter, connect, PROVIDERS } from '../doctor/adapter.ts';
import { DatabaseProblem } from '../doctor/database-problem.ts';
import { readSchemaFile, type SchemaFile } from '../schema-file.ts';

/** Variable that holds the URL of the database unless another is named. */
const URL_VARIABLE = 'DATABASE_URL';

/** Options of every command that works on live rows. */
export const PROJECT_OPTIONS: Readonly<Record<'schema' | 'keyring' | 'url-env', CommandOption>> = {
  schema: {
    value: 'path',
    help: 'schema file or folder; prisma/schema.prisma, schema.prisma or prisma/schema by default',
  },
  keyring: { value: 'path', help: 'the keyring; FIELDSEAL_KEYRING or ./fieldseal.keyring.json by default' },
  'url-env': {
    value: 'variable',
    help: `environment variable with the URL of the database; ${URL_VARIABLE} by default`,
  },
};

/** The application in the working directory: its schema, its database by its own driver adapter, and its keys. */
export class JobProject {
  readonly schema: SchemaFile;
  readonly database: SqlDatabase;
  readonly control: JobControl;
  readonly #adapter: Adapter;
  readonly #env: Environment;
  readonly #options: CommandInput['options'];
  #keyring: Promise<Keyring> | undefined;

  private constructor(schema: SchemaFile, adapter: Adapter, database: SqlDatabase, input: CommandInput) {
    this.schema = schema;
    this.database = database;
    this.control = new JobControl(new SqlJobStore(database));
    this.#adapter = adapter;
    this.#env = input.env;
    this.#options = input.options;
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
    const project = new JobProject(schema, adapter, adapterDatabase(adapter, dialect), input);
    try {
      return await work(project);
    } finally {
      await project.#close();
    }
  }

  /** Models with encrypted fields, or the one that `--model` names. */
  get models(): readonly string[] {
    const { model } = this.#options;
    if (model !== undefined) return [model];
    const { models } = readSchemaMap(this.schema.text);
    return Object.entries(models).flatMap(([name, { encrypted }]) => (Object.keys(encrypted).length > 0 ? [name] : []));
  }

  /**
   * Rows of a model.
   *
   * @param fields - the fields to work on; all by default
   * @param before - text of the older schema, where cells are written in another way
   */
  source(model: string, fields?: readonly string[], before?: string): SqlRowSource {
    return new SqlRowSource(this.database, modelTable({ schema: this.schema.text, model, fields, before }));
  }

  /** The keyring that the environment opens, opened once. */
  keyring(): Promise<Keyring> {
    const path = this.#options['keyring'] ?? keyringPath(this.#env);
    this.#keyring ??= openKeyring({ storage: keyringFile(path), openers: environmentOpeners(this.#env) });
    return this.#keyring;
  }

  async #close(): Promise<void> {
    await this.#keyring?.then(
      (keyring) => keyring.close(),
      () => undefined, // whoever asked for it has the error
    );
    await this.#adapter.dispose().catch(() => undefined);
  }
}

const DIALECTS = ['postgresql', 'mysql', 'sqlite'] as const;
