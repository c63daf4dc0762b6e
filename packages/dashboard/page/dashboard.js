/* The page of the dashboard: it asks for the view every five seconds and draws it. */
import { CHARTS, drawChart, forgetCharts } from './charts.js';
import { clock, part, TONES } from './elements.js';
import {
  drawAlerts,
  drawAudit,
  drawBackups,
  drawCache,
  drawFields,
  drawHealth,
  drawJobs,
  drawKeys,
  drawTiles,
} from './parts.js';

const POLL_MS = 5000;
const STORED = 'fieldseal-token';
const $ = (id) => document.getElementById(id);
let token = takeToken();
let chosen = null;

/** The token comes behind `#`, which is sent to nobody, and leaves the address bar and the history at once. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given !== null) {
    history.replaceState(null, '', location.pathname);
    sessionStorage.setItem(STORED, given);
  }
  return sessionStorage.getItem(STORED);
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  forgetCharts();
  void refresh();
});

function draw(view) {
  const { state, stale, time, components, keys, cache, jobs, fields } = view;
  $('state').textContent = state;
  $('state').className = `pill ${TONES[state] ?? ''}`;
  document.title = `${state === 'ok' ? '' : `${state} · `}Fieldseal`;
  $('updated').textContent = `as of ${clock(new Date(time * 1000).toISOString())} UTC`;
  $('stale').hidden = !stale;
  part('tiles', { now: view.now, keys, alerts: view.alerts }, drawTiles);
  part('alerts', { alerts: view.alerts, time: Math.floor(time / 60) * 60 }, (data) =>
    drawAlerts(data, askAcknowledgement),
  );
  part('health', components, drawHealth);
  part('keys', keys, drawKeys);
  part('cache', cache, drawCache);
  part('jobs', jobs, drawJobs);
  part('backups', { backups: view.backups, time }, drawBackups);
  part('fields', fields, drawFields);
  part('audit', { audit: view.audit, time }, drawAudit);
  for (const name of Object.keys(CHARTS)) drawChart(name, view.charts);
}

function ask(path, options = {}) {
  return fetch(path, {
    ...options,
    cache: 'no-store',
    headers: { authorization: `Bearer ${token}`, ...options.headers },
  });
}

async function refresh() {
  if (token === null) return signOut('');
  try {
    const response = await ask('/api/view');
    if (response.status === 401) return signOut('This token is not the one of the dashboard.');
    if (!response.ok) throw new Error('unreachable');
    $('sign-in').hidden = true;
    $('board').hidden = false;
    $('sign-out').hidden = false;
    draw(await response.json());
  } catch {
    $('state').textContent = 'no answer';
    $('state').className = 'pill bad';
    $('stale').hidden = false;
  }
}

function signOut(reason) {
  token = null;
  sessionStorage.removeItem(STORED);
  $('board').hidden = true;
  $('sign-out').hidden = true;
  $('sign-in').hidden = false;
  $('sign-in-error').textContent = reason;
  $('state').textContent = 'not signed in';
  $('state').className = 'pill';
  $('updated').textContent = '';
  $('token').focus();
}

$('sign-out').addEventListener('click', () => signOut(''));
$('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  token = $('token').value;
  $('token').value = '';
  sessionStorage.setItem(STORED, token);
  void refresh();
});

function askAcknowledgement(alert) {
  chosen = alert;
  $('acknowledge-what').textContent = `${alert.rule}: no notice of it is repeated until then, or until it is over.`;
  $('acknowledge-error').textContent = '';
  $('acknowledge').showModal();
  $('owner').focus();
}
$('acknowledge-cancel').addEventListener('click', () => $('acknowledge').close());
$('acknowledge')
  .querySelector('form')
  .addEventListener('submit', async (event) => {
    event.preventDefault();
    const body = {
      key: chosen.key,
      owner: $('owner').value,
      comment: $('comment').value,
      forMs: Number($('hours').value) * 3_600_000,
    };
    const response = await ask('/api/acknowledge', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).catch(() => null);
    if (response?.status === 204) {
      $('acknowledge').close();
      await refresh();
      return $('main').focus();
    }
    $('acknowledge-error').textContent = (await response?.json().catch(() => null))?.error ?? 'No answer.';
  });

setInterval(() => {
  if (token !== null && !document.hidden) void refresh();
}, POLL_MS);
document.addEventListener('visibilitychange', () => {
  if (token !== null && !document.hidden) void refresh();
});
void refresh();
