import { readdirSync, readFileSync } from 'node:fs';
import { ERROR_CODES } from '@fieldseal/core';
import { expect, test } from 'vitest';
import { RULES } from '../src/alerts/rules.ts';
import { definitionOf, METRIC_NAMES, prometheusLabel, prometheusName } from '../src/metrics/metric-table.ts';

const DOCS = new URL('../../../docs/', import.meta.url);
const page = readFileSync(new URL('monitoring.md', DOCS), 'utf8');
const runbooks = readdirSync(new URL('runbooks/', DOCS));

test('docs/monitoring.md has a row for every metric and every rule, and none for others', () => {
  const metrics = METRIC_NAMES.map((name) => {
    const { type, labels, help } = definitionOf(name);
    return `| \`${prometheusName(name)}\` | ${type} | ${labels.map((label) => `\`${prometheusLabel(label)}\``).join(', ')} | ${help} |`;
  });
  const rules = RULES.map(({ id, severity, summary }) => `| [${id}](runbooks/${id}.md) | ${severity} | ${summary} |`);
  expect(page.split('\n').filter((line) => line.startsWith('| `fieldseal_'))).toEqual(metrics);
  expect(page.split('\n').filter((line) => line.includes('](runbooks/'))).toEqual(rules);
});

test('there is a runbook for every rule, and no other', () => {
  expect(runbooks.sort()).toEqual(RULES.map(({ id }) => `${id}.md`).sort());
});

test.each(runbooks)('%s names its severity, and metrics, codes and pages that exist', (name) => {
  const text = readFileSync(new URL(`runbooks/${name}`, DOCS), 'utf8');
  const rule = RULES.find(({ id }) => `${id}.md` === name);
  expect(text.startsWith(`# ${rule?.id}\n\nSeverity: ${rule?.severity}. `)).toBe(true);
  expect([...text.matchAll(/^## .*/gm)].map(([heading]) => heading)).toEqual(['## Look', '## Do', '## Over when']);
  const metrics = new Set(METRIC_NAMES.map(prometheusName));
  for (const [metric] of text.matchAll(/fieldseal_[a-z_]+/g))
    expect([metric, metrics.has(metric)]).toEqual([metric, true]);
  for (const [code] of text.matchAll(/ERR_[A-Z_]+/g)) expect(ERROR_CODES).toContain(code);
  for (const [, target = ''] of text.matchAll(/\]\(([^)#]+)/g))
    expect(() => readFileSync(new URL(`runbooks/${target}`, DOCS))).not.toThrow();
});
