import { FieldsealTestError } from '../testkit-error.ts';

/** Where a test server comes from: a given URL, a container, or a program on this machine. */
export type ServiceSource = 'url' | 'docker' | 'local';

/** Environment variables that the services read. */
export type ServiceEnvironment = Readonly<Record<string, string | undefined>>;

/** Options of {@link startPostgres}, {@link startMariadb} and {@link startRedis}. */
export interface ServiceOptions {
  /** Read instead of `process.env`; the default is `process.env`. */
  readonly env?: ServiceEnvironment;
}

/** Says why a source cannot serve on this machine. The next source is tried. */
export class SourceUnavailable extends Error {
  override readonly name = 'SourceUnavailable';
}

/** One way to get a server: resolves to it, or throws {@link SourceUnavailable} or whatever went wrong. */
export interface ServiceAttempt<Service> {
  readonly source: ServiceSource;
  readonly start: () => Promise<Service>;
}

const SOURCES: readonly ServiceSource[] = ['url', 'docker', 'local'];

/**
 * Starts a service from the first source that works, in the order given, or from the one that TEST_SERVICES names.
 *
 * A URL that was given and does not answer ends the search: to test against another server than the one asked for would
 * hide the mistake.
 *
 * @param service - name for the error message
 * @param advice - what to install or set, for the error message
 * @throws FieldsealTestError with the reason of every source
 */
export async function startFirst<Service>(
  service: string,
  attempts: readonly ServiceAttempt<Service>[],
  env: ServiceEnvironment,
  advice: string,
): Promise<Service> {
  const forced = forcedSource(env);
  const reasons: string[] = [];
  const causes: unknown[] = [];
  for (const { source, start } of attempts) {
    if (forced !== undefined && source !== forced) continue;
    try {
      return await start();
    } catch (error) {
      reasons.push(`  ${source}: ${firstLine(error)}`);
      if (error instanceof SourceUnavailable) continue;
      causes.push(error);
      if (source === 'url') break;
    }
  }
  const only = forced === undefined ? '' : `, and TEST_SERVICES=${forced} allows no other source`;
  const message = `no ${service} server for the tests${only}\n${reasons.join('\n')}\n${advice}`;
  throw new FieldsealTestError(message, causes.length === 0 ? {} : { cause: causes.length === 1 ? causes[0] : causes });
}

function forcedSource(env: ServiceEnvironment): ServiceSource | undefined {
  const value = env['TEST_SERVICES'];
  if (value === undefined || value === '') return undefined;
  const source = SOURCES.find((known) => known === value);
  if (source !== undefined) return source;
  throw new FieldsealTestError(`TEST_SERVICES must be one of ${SOURCES.join(', ')}`);
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.split('\n', 1)[0] ?? '';
}
