/* Making elements, and saying numbers and times. Text is set as text, never as HTML. */
/** State of health to colour. */
export const TONES = { ok: 'good', degraded: 'warn', failed: 'bad', sealed: 'bad', missing: 'bad' };
const shown = new Map();

export function element(name, props = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (key === 'class') made.className = value;
    else if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Draws a part anew only when its data changed, and keeps the focus where it was. */
export function part(id, data, draw) {
  const text = JSON.stringify(data);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  const focused = document.activeElement?.getAttribute('data-focus');
  document.getElementById(id).replaceChildren(...[draw(data)].flat());
  if (focused)
    document
      .getElementById(id)
      .querySelector(`[data-focus="${CSS.escape(focused)}"]`)
      ?.focus();
}

export const none = (text) => element('p', { class: 'muted' }, text);
export const number = (value, digits = 0) =>
  value === null || value === undefined ? '–' : value.toLocaleString('en', { maximumFractionDigits: digits });
export const pill = (text, tone) => element('span', { class: `pill ${tone ?? ''}` }, text);

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  const units = [
    ['d', 86400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ];
  const at = Math.max(
    0,
    units.findIndex(([, size]) => seconds >= size),
  );
  const [unit, size] = seconds < 1 ? units[3] : units[at];
  return `${Math.floor(seconds / size)} ${unit}`;
}
export const ago = (time, now) => (time === null ? 'never' : `${duration(Math.max(0, now - time))} ago`);
export const clock = (iso) => iso.slice(0, 19).replace('T', ' ');

export function table(label, heads, rows) {
  const head = heads.map(([name, kind]) => element('th', { scope: 'col', class: kind }, name));
  const body = rows.map((row) =>
    element('tr', {}, ...row.map((cell, at) => element('td', { class: heads[at][1] }, cell))),
  );
  // Focusable, so that a keyboard can scroll it.
  return element(
    'div',
    { class: 'table', tabindex: '0', role: 'region', 'aria-label': label, 'data-focus': `table ${label}` },
    element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...body)),
  );
}
