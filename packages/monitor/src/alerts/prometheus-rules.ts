import { prometheusLabel, prometheusName } from '../metrics/metric-table.ts';
import { type AlertRule, RUNBOOKS, runbookOf, type Selector } from './alert-rule.ts';
import { RULES } from './rules.ts';

/** Name of a rule's alert in Prometheus: `decrypt-failure-ratio` is `FieldsealDecryptFailureRatio`. */
export function prometheusAlertName({ id }: { readonly id: string }): string {
  const words = id.split('-').map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `Fieldseal${words.join('')}`;
}

/** The condition of a rule in PromQL. */
export function promql({ condition, by = [] }: AlertRule): string {
  const group = by.length === 0 ? '' : ` by (${by.map(prometheusLabel).join(', ')})`;
  const grown = (selector: Selector, window: number): string =>
    `sum${group} (increase(${series(selector)}[${window}s]))`;
  switch (condition.kind) {
    case 'increase':
      return `${grown(condition.of, condition.window)} > ${condition.above}`;
    case 'ratio': {
      const { above, below, minimum, window } = condition;
      const part = grown(condition.part, window);
      const whole = condition.whole.map((selector) => grown(selector, window)).join(' + ');
      const limit = above === undefined ? `< ${below}` : `> ${above}`;
      const counted = condition.counted === 'part' ? part : whole;
      return `${part} / (${whole}) ${limit} and (${counted}) > ${minimum}`;
    }
    case 'value':
      return condition.atLeast === undefined
        ? `sum${group} (${series(condition.of)}) <= ${condition.atMost}`
        : `max${group} (${series(condition.of)}) >= ${condition.atLeast}`;
    case 'age':
      return `time() - max${group} (${series(condition.of)}) > ${condition.above}`;
    case 'stalled': {
      const { running, progress, window } = condition;
      const wasThere = `sum${group} (${series(progress)} offset ${window}s) >= 0`;
      return `max${group} (${series(running)}) > 0 and ${grown(progress, window)} == 0 and ${wasThere}`;
    }
  }
}

function series({ metric, where = {} }: Selector): string {
  const matchers = Object.entries(where).map(([label, values]) => {
    const name = prometheusLabel(label);
    return values.length === 1 ? `${name}="${values[0]}"` : `${name}=~"${values.join('|')}"`;
  });
  return `${prometheusName(metric)}${matchers.length === 0 ? '' : `{${matchers.join(',')}}`}`;
}

/**
 * The rules as a file of alert rules for Prometheus.
 *
 * @param runbooks - address of the folder of runbooks
 */
export function prometheusRules(rules: readonly AlertRule[] = RULES, runbooks: string = RUNBOOKS): string {
  const lines = rules.flatMap((rule) => [
    `      - alert: ${prometheusAlertName(rule)}`,
    `        expr: ${JSON.stringify(promql(rule))}`,
    ...(rule.hold === 0 ? [] : [`        for: ${rule.hold}s`]),
    '        labels:',
    `          severity: ${rule.severity}`,
    '        annotations:',
    `          summary: ${JSON.stringify(rule.summary)}`,
    `          runbook_url: ${JSON.stringify(runbookOf(rule, runbooks))}`,
  ]);
  return `${['groups:', '  - name: fieldseal', '    rules:', ...lines].join('\n')}\n`;
}
