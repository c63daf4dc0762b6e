import type { BoundColumn, SuiteId, ValueType } from '@fieldseal/core';
import { isSuite, VALUE_TYPES } from '@fieldseal/core';
import { FieldsealTestError } from '../testkit-error.ts';

/** One case of a vector file: reads its members as what the specification says they are. All of it is public. */
export class VectorCase {
  readonly #members: Readonly<Record<string, unknown>>;

  /** @throws FieldsealTestError when `json` is no object */
  constructor(json: unknown) {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new FieldsealTestError('a case of a vector file is not an object');
    }
    this.#members = json as Readonly<Record<string, unknown>>;
  }

  /** Names of the members. */
  get names(): readonly string[] {
    return Object.keys(this.#members);
  }

  /** What the case is about; empty when it does not say. */
  get comment(): string {
    const comment = this.#members['comment'];
    return typeof comment === 'string' ? comment : '';
  }

  /** A member that is text. */
  text(name: string): string {
    const text = this.#members[name];
    return typeof text === 'string' ? text : this.#wrong(name, 'text');
  }

  /** A member that is bytes in lower-case hexadecimal, in memory of its own. */
  bytes(name: string): Uint8Array {
    const text = this.text(name);
    return /^([0-9a-f]{2})*$/.test(text)
      ? new Uint8Array(Buffer.from(text, 'hex'))
      : this.#wrong(name, 'lower-case hexadecimal');
  }

  /** A member that is a whole number, not negative. */
  count(name: string): number {
    const number = this.#members[name];
    return Number.isSafeInteger(number) && (number as number) >= 0 ? (number as number) : this.#wrong(name, 'a count');
  }

  /** A member that is a whole number or null. */
  countOrNull(name: string): number | null {
    return this.#members[name] === null ? null : this.count(name);
  }

  /** The member `suite`. */
  suite(): SuiteId {
    const suite = this.#members['suite'];
    return isSuite(suite) ? suite : this.#wrong('suite', 'a known suite');
  }

  /** The member `type`. */
  type(): ValueType {
    const type = this.#members['type'];
    return VALUE_TYPES.find((known) => known === type) ?? this.#wrong('type', 'a value type');
  }

  /** The member `binding`: pairs of column and value, or null. */
  binding(): readonly BoundColumn[] | null {
    const binding = this.#members['binding'];
    if (binding === null) return null;
    if (!Array.isArray(binding)) return this.#wrong('binding', 'a list');
    return binding.map((pair: unknown): BoundColumn => {
      if (!Array.isArray(pair) || pair.length !== 2) return this.#wrong('binding', 'a list of pairs');
      const [column, value] = pair as readonly unknown[];
      if (typeof column !== 'string' || typeof value !== 'string') return this.#wrong('binding', 'a list of pairs');
      return [column, value];
    });
  }

  /** A member that is a list of texts. */
  texts(name: string): readonly string[] {
    const texts = this.#members[name];
    if (!Array.isArray(texts)) return this.#wrong(name, 'a list');
    return texts.map((text: unknown) => (typeof text === 'string' ? text : this.#wrong(name, 'a list of texts')));
  }

  /** A member that is a list of pairs of texts. */
  pairs(name: string): readonly (readonly [string, string])[] {
    const pairs = this.#members[name];
    if (!Array.isArray(pairs)) return this.#wrong(name, 'a list');
    return pairs.map((pair: unknown): readonly [string, string] => {
      const [first, second, more] = Array.isArray(pair) ? (pair as readonly unknown[]) : [];
      if (typeof first === 'string' && typeof second === 'string' && more === undefined) return [first, second];
      return this.#wrong(name, 'a list of pairs');
    });
  }

  /** A member that is a list of value types. */
  types(name: string): readonly ValueType[] {
    return this.texts(name).map(
      (text) => VALUE_TYPES.find((known) => known === text) ?? this.#wrong(name, 'a list of value types'),
    );
  }

  /** A member that is an object of texts and numbers; all are given as text. */
  parameters(name: string): Readonly<Record<string, string>> {
    const given = this.#members[name];
    if (typeof given !== 'object' || given === null || Array.isArray(given)) return this.#wrong(name, 'an object');
    return Object.fromEntries(Object.entries(given).map(([key, value]) => [key, String(value)]));
  }

  /** The member `value` as the value type has it: Bytes from hexadecimal, BigInt and Decimal from text, DateTime from ISO 8601. */
  value(): unknown {
    switch (this.type()) {
      case 'Bytes':
        return this.bytes('value');
      case 'BigInt':
        return /^-?\d+$/.test(this.text('value')) ? BigInt(this.text('value')) : this.#wrong('value', 'a whole number');
      case 'DateTime':
        return new Date(this.text('value'));
      default:
        return this.#members['value'];
    }
  }

  #wrong(name: string, expected: string): never {
    throw new FieldsealTestError(`the member ${name} is not ${expected}`);
  }
}
