import type { AnnotatedColumn } from './annotated-tables.ts';
import type { Rule } from './stored-value.ts';

/** A parameter of a statement that goes to an annotated column. */
export interface Check {
  /** Place among the arguments, from 0. */
  readonly parameter: number;
  readonly column: AnnotatedColumn;
  readonly rule: Rule;
  /** Whether it may be one element of a list as well as a list. */
  readonly element: boolean;
}

/** Why a statement is refused whatever its arguments are. */
export interface Refusal {
  /** In one sentence, without any value. */
  readonly summary: string;
  readonly model: string;
  readonly field?: string | undefined;
}

/** What the guard knows of the text of a statement. */
export interface Finding {
  readonly refusal: Refusal | undefined;
  readonly checks: readonly Check[];
}

/** Collects what is found; the first refusal counts. */
export class Findings implements Finding {
  readonly checks: Check[] = [];
  refusal: Refusal | undefined = undefined;

  check(parameter: number, column: AnnotatedColumn, rule: Rule, element: boolean): void {
    if (parameter < 0) this.refuse(column, 'a named parameter or a variable of the database would be stored');
    else this.checks.push({ parameter, column, rule, element });
  }

  refuse({ model, field }: { readonly model: string; readonly field?: string }, summary: string): void {
    this.refusal ??= { summary, model, field };
  }
}
