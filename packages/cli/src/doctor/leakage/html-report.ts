/**
 * The report as one HTML file: no script, nothing loaded from anywhere, a content security policy that allows only its own style, and beside
 * each chart the table of its numbers.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { Finding } from '../finding.ts';
import { barChart } from './chart.ts';
import { MOST_RECOVERED } from './countermeasures.ts';
import { escapeHtml } from './html-text.ts';
import type { FieldLengths, IndexLeakage, Leakage } from './leakage.ts';
import {
  adviceTable,
  annotationText,
  indexTable,
  lengthTable,
  percent,
  remarks,
  short,
  type TextTable,
} from './leakage-text.ts';
import { MOST_LENGTH_BITS } from './length-leakage.ts';

/** Colours of the series are told apart by every kind of sight (Okabe and Ito). */
const STYLE = `
:root{color-scheme:light dark;--text:#1f2328;--weak:#59636e;--line:#d1d9e0;--ground:#fff;--error:#b42318;--warning:#8a5a00}
@media(prefers-color-scheme:dark){:root{--text:#f0f6fc;--weak:#9198a1;--line:#3d444d;--ground:#0d1117;--error:#ff8a80;--warning:#e3b341}}
body{margin:2rem auto;max-width:80rem;padding:0 1.5rem;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
h1{font-size:1.6rem}h2{margin-top:2.5rem;font-size:1.25rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}h3{margin-top:2rem;font-size:1.05rem}
p,li{max-width:60rem}.weak{color:var(--weak)}.error{color:var(--error);font-weight:600}.warning{color:var(--warning);font-weight:600}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:.5rem 0 1rem;font-variant-numeric:tabular-nums;font-size:.875rem}
caption{text-align:left;color:var(--weak);padding-bottom:.3rem}th,td{padding:.25rem .75rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}thead th{color:var(--weak);font-weight:600}tbody th{font-weight:400}
svg{display:block;width:100%;max-width:46rem;height:auto}svg text{font-size:12px;fill:var(--text)}svg .weak{fill:var(--weak)}
svg .end{text-anchor:end}svg .middle{text-anchor:middle}.mark{stroke:var(--weak);stroke-dasharray:4 3;fill:none}
.s0{fill:#0072b2}.s1{fill:#e69f00}.s2{fill:#009e73}@media(prefers-color-scheme:dark){.s0{fill:#56b4e9}}
`;

/**
 * @param findings - those that stand at the top
 * @param date - of the run, ISO 8601
 */
export function leakageHtml(leakage: Leakage, findings: readonly Finding[], date: string): string {
  const hash = createHash('sha256').update(STYLE).digest('base64');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>What encrypted columns give away</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>What encrypted columns give away</h1>
<p class="weak">Measured by <code>fieldseal doctor --leakage</code> on ${escapeHtml(date)}. Names, counts and shares only: no value, cell or term.</p>
${findingList(findings)}
<h2>Indexes</h2>
${leakage.indexes.length === 0 ? '<p>There are none.</p>' : indexSection(leakage.indexes)}
<h2>Lengths of cells</h2>
${leakage.fields.length === 0 ? '<p>No cells were counted.</p>' : lengthSection(leakage.fields)}
<h2>How to read this</h2>
${remarks(leakage)
  .map((line) => `<p>${escapeHtml(line)}</p>`)
  .join('\n')}
</main>
</body>
</html>
`;
}

function findingList(findings: readonly Finding[]): string {
  if (findings.length === 0) return '<p>Nothing that is not acceptable was found in what was looked at.</p>';
  const items = findings.map(
    ({ severity, id, place, message, advice }) =>
      `<li><span class="${severity}">${severity}</span> ${escapeHtml(`${place}: ${message}`)} <span class="weak">(${id})</span><br>${escapeHtml(advice)}</li>`,
  );
  return `<ul>\n${items.join('\n')}\n</ul>`;
}

function indexSection(indexes: readonly IndexLeakage[]): string {
  const attacked = indexes.flatMap(({ index, recovery }) => (recovery === null ? [] : [{ index, recovery }]));
  const title = 'Share of the rows that the frequency attack recovers';
  const chart = barChart({
    title,
    legend: ['knows the schema', 'takes each term for one value', 'without the index'],
    most: 1,
    mark: { value: MOST_RECOVERED, label: 'limit' },
    groups: attacked.map(({ index, recovery }) => ({
      label: index,
      bars: [recovery.informed, recovery.uninformed, recovery.baseline].map((value, series) => ({
        series,
        value,
        text: percent(value),
      })),
    })),
  });
  return [
    attacked.length === 0 ? '<p>The attack was not run.</p>' : `<h3>${title}</h3>\n${chart}`,
    tableOf('What the indexes give away', indexTable(indexes)),
    tableOf('What to do about them', adviceTable(indexes)),
    ...indexes.filter(({ trials }) => trials.length > 0).map(trialSection),
  ].join('\n');
}

function trialSection({ index, trials }: IndexLeakage): string {
  const title = `${index}: recovered under other annotations`;
  const chart = barChart({
    title,
    legend: ['knows the schema', 'takes each term for one value'],
    most: Math.max(...trials.map(({ informed }) => informed), MOST_RECOVERED),
    groups: trials.map((trial) => ({
      label: annotationText(trial),
      bars: [trial.informed, trial.uninformed].map((value, series) => ({ series, value, text: percent(value) })),
    })),
  });
  const numbers: TextTable = {
    head: ['annotation', 'terms', 'recovered', 'uninformed', 'rows read in vain'],
    rows: trials.map((trial) => [
      annotationText(trial),
      String(trial.terms),
      percent(trial.informed),
      percent(trial.uninformed),
      short(trial.extraRows),
    ]),
  };
  return `<h3>${escapeHtml(title)}</h3>\n${chart}\n${tableOf('The same as numbers; terms are made up for each annotation', numbers)}`;
}

function lengthSection(fields: readonly FieldLengths[]): string {
  const title = 'Entropy of the length of one cell, in bits';
  const chart = barChart({
    title,
    legend: [],
    mark: { value: MOST_LENGTH_BITS, label: 'limit' },
    groups: fields.map(({ field, entropy }) => ({
      label: field,
      bars: [{ series: 0, value: entropy, text: entropy.toFixed(1) }],
    })),
  });
  const paddings: TextTable = {
    head: ['field and pad', 'lengths', 'entropy', 'alone', 'bytes more a cell'],
    rows: fields.flatMap(({ field, cells, paddings: tried }) =>
      (cells === 0 ? [] : tried).map(({ pad, lengths, entropy, alone, addedBytes }) => [
        `${field}, pad: ${pad}`,
        String(lengths),
        `${entropy.toFixed(1)} bits`,
        percent(alone),
        addedBytes.toFixed(0),
      ]),
    ),
  };
  return [
    `<h3>${title}</h3>\n${chart}`,
    tableOf('What the lengths give away', lengthTable(fields)),
    tableOf('What padding would change', paddings),
  ].join('\n');
}

function tableOf(caption: string, { head, rows }: TextTable): string {
  const cells = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? `<th scope="row">${escapeHtml(cell)}</th>` : `<td>${escapeHtml(cell)}</td>`))
      .join('');
  const names = head.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('');
  const lines = rows.map((row) => `<tr>${cells(row)}</tr>`).join('\n');
  return `<div class="wide"><table>\n<caption>${escapeHtml(caption)}</caption>\n<thead><tr>${names}</tr></thead>\n<tbody>\n${lines}\n</tbody>\n</table></div>`;
}
