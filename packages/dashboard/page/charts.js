/* The charts, drawn by uPlot, which stands in the page before this. */
import { number } from './elements.js';

const charts = new Map();
export const CHARTS = {
  throughput: {
    digits: 0,
    series: [
      ['decrypt', '--series-1'],
      ['encrypt', '--series-2'],
    ],
  },
  latency: {
    digits: 3,
    series: [
      ['p50', '--series-1'],
      ['p95', '--series-2'],
      ['p99', '--series-3'],
    ],
  },
  failures: { digits: 2, series: [['failures', '--bad']] },
  hits: { digits: 1, series: [['hits', '--series-1']], range: [0, 100] },
};

/** 14:05, in UTC as all times of the page. */
const clockOf = (time) => new Date(time * 1000).toISOString().slice(11, 16);

export function drawChart(name, data) {
  const { digits, series, range } = CHARTS[name];
  const box = document.getElementById(`chart-${name}`);
  const colour = (variable) => getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
  const values = [data.time, ...series.map(([key]) => data[key])];
  const latest = series.map(
    ([key]) =>
      `${key} ${number(
        [...data[key]].reverse().find((value) => value !== null),
        digits,
      )}`,
  );
  box.setAttribute('aria-label', `Chart of the last half hour. Now: ${latest.join(', ')}`);
  const known = charts.get(name);
  // Where no cursor is, the legend tells the last values: once uPlot has drawn, which empties it.
  const tellLast = (plot) =>
    setTimeout(() => {
      if ((plot.cursor.left ?? -1) < 0) plot.setLegend({ idx: data.time.length - 1 });
    });
  if (known !== undefined) {
    known.chart.setData(values);
    return tellLast(known.chart);
  }
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui',
  };
  const size = () => ({ width: box.clientWidth, height: 160 });
  const chart = new uPlot(
    {
      ...size(),
      cursor: { drag: { x: false, y: false } },
      scales: { y: { range: (_, _low, high) => range ?? [0, high > 0 ? high * 1.1 : 1] } },
      axes: [
        { ...axis, space: 60, values: (_, ticks) => ticks.map((tick) => clockOf(tick)) },
        { ...axis, size: 52, values: (_, ticks) => ticks.map((tick) => number(tick, 3)) },
      ],
      series: [
        { label: 'UTC', value: (_, time) => (time === null ? '–' : clockOf(time)) },
        ...series.map(([label, variable]) => ({
          label,
          stroke: colour(variable),
          width: 2,
          points: { show: false },
          value: (_, value) => number(value, digits),
        })),
      ],
    },
    values,
    box,
  );
  const observer = new ResizeObserver(() => chart.setSize(size()));
  observer.observe(box);
  charts.set(name, { chart, observer });
  tellLast(chart);
}

/** Colours are read when a chart is made: another scheme needs new ones. */
export function forgetCharts() {
  for (const { chart, observer } of charts.values()) {
    observer.disconnect();
    chart.destroy();
  }
  charts.clear();
}
