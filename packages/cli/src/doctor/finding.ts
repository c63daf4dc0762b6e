import { CATALOGUE, type FindingId, type Severity } from './catalogue.ts';

/** One thing that doctor noticed. It holds names and counts, never a value, a cell or a term. */
export interface Finding {
  readonly id: FindingId;
  readonly severity: Severity;
  /** `Model.field`, `file:line`, or what else it is about. */
  readonly place: string;
  readonly message: string;
  readonly advice: string;
  /** How many rows, where rows are meant. */
  readonly rows?: number;
}

/** A finding of a kind. */
export function finding(id: FindingId, place: string, message: string, rows?: number): Finding {
  const { severity, advice } = CATALOGUE[id];
  return { id, severity, place, message, advice, ...(rows !== undefined && { rows }) };
}

/** `1 row`, `2 rows`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
