import { FieldsealError } from '@fieldseal/core';
import type { SchemaMap } from '../schema/schema-map.ts';
import { analyse } from './analysis.ts';
import { AnnotatedTables } from './annotated-tables.ts';
import { type Dialect, dialectOf } from './dialect.ts';
import type { Check, Refusal } from './finding.ts';
import { FindingCache } from './finding-cache.ts';
import { type ArgumentType, isAllowed } from './stored-value.ts';

/** Refuses statements that would give plaintext of annotated columns to one kind of database. */
export class PlaintextGuard {
  readonly #dialect: Dialect;
  readonly #tables: AnnotatedTables;
  readonly #cache = new FindingCache();

  /**
   * @param provider - of a driver adapter
   * @throws ERR_OPTIONS for a provider whose SQL is not known
   */
  constructor(provider: unknown, schema: SchemaMap) {
    const dialect = dialectOf(provider);
    if (dialect === undefined)
      throw new FieldsealError('ERR_OPTIONS', 'the guard does not know the SQL of this driver adapter', {
        hint: 'It knows adapters for sqlite, postgres, mysql and sqlserver.',
      });
    this.#dialect = dialect;
    this.#tables = new AnnotatedTables(schema, dialect.exactNames);
  }

  /**
   * Passes a statement with its arguments.
   *
   * @throws ERR_PLAINTEXT, before anything was sent
   */
  check(sql: string, values: readonly unknown[], types: readonly (ArgumentType | undefined)[]): void {
    const { refusal, checks } = this.#cache.get(sql, (text) => analyse(text, this.#dialect, this.#tables));
    if (refusal !== undefined) throw refused(refusal);
    for (const check of checks)
      if (!isHarmless(check, values[check.parameter], types[check.parameter])) throw refused(refusalOf(check));
  }
}

function isHarmless({ column, rule, element }: Check, value: unknown, type: ArgumentType | undefined): boolean {
  return isAllowed(column, rule, value, type) || (element && isAllowed({ ...column, list: false }, rule, value, type));
}

function refusalOf({ column: { model, field }, rule }: Check): Refusal {
  const summary =
    rule === 'write'
      ? 'a statement would write plaintext to an encrypted column or its index'
      : 'a query compares an encrypted column or its index with plaintext';
  return { summary, model, field };
}

/** The client turns an error of its adapter that has a code into one of its own, and keeps `code`, `message` and `meta` of it. */
function refused({ summary, model, field }: Refusal): FieldsealError {
  const error = new FieldsealError('ERR_PLAINTEXT', summary, { model, field });
  return Object.assign(error, { meta: { model, field } });
}
