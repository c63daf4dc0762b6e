import type { MetricName } from '../metrics/metric-table.ts';

/** The series of a metric that have these label values; all of them where no labels are named. */
export interface Selector {
  readonly metric: MetricName;
  /** For each label the values of which one must hold. */
  readonly where?: Readonly<Record<string, readonly string[]>>;
}

/** When a rule is met. Windows and ages in seconds. Series that do not exist meet nothing, so that what is not used raises no alarm. */
export type Condition =
  /** A counter grew by more than `above` within the window. */
  | { readonly kind: 'increase'; readonly of: Selector; readonly above: number; readonly window: number }
  /** Of what grew within the window, `part` has another share of `whole` than it should; below `minimum` of `counted` nothing is said. */
  | {
      readonly kind: 'ratio';
      readonly part: Selector;
      readonly whole: readonly Selector[];
      readonly above?: number;
      readonly below?: number;
      /** What has to have grown by more than `minimum` before the share means anything. */
      readonly counted: 'part' | 'whole';
      readonly minimum: number;
      readonly window: number;
    }
  /** A gauge is at or beyond a limit: the highest of its series for `atLeast`, the sum for `atMost`. */
  | { readonly kind: 'value'; readonly of: Selector; readonly atLeast?: number; readonly atMost?: number }
  /** A gauge that holds a Unix time is older than `above` seconds. */
  | { readonly kind: 'age'; readonly of: Selector; readonly above: number }
  /** Something runs, and the counter of what is done did not grow within the window. */
  | { readonly kind: 'stalled'; readonly running: Selector; readonly progress: Selector; readonly window: number };

/** How bad it is: `critical` wakes somebody, `warning` waits for the morning. */
export type Severity = 'critical' | 'warning';

/** When to raise an alarm, as data: the engine of this package and Prometheus evaluate the same. */
export interface AlertRule {
  /** Name of the rule, which its runbook has too: letters, digits and hyphens. */
  readonly id: string;
  readonly severity: Severity;
  /** What is the matter, in one sentence that names no value. */
  readonly summary: string;
  readonly condition: Condition;
  /** Labels that each make an alert of its own; by default there is one alert per rule. */
  readonly by?: readonly string[];
  /** Seconds that the condition has to hold before the alert fires. */
  readonly hold: number;
  /** Seconds until a notice of the same alert is sent again. */
  readonly cooldown: number;
}

/** Where runbooks are in the repository of Fieldseal: one page per rule, by its id. Give the address under which yours are served. */
export const RUNBOOKS = 'docs/runbooks';

/** Address of the runbook of a rule. */
export function runbookOf(rule: { readonly id: string }, base: string = RUNBOOKS): string {
  return `${base}/${rule.id}.md`;
}
