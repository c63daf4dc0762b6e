/**
 * Tries the dashboard in a browser: signing in, what it shows, acknowledging an alert by keyboard alone, both schemes of colour, desktop and
 * phone, and that it loads nothing and leaks nothing. A job of its own, since it needs a browser, which the tests do without:
 *
 *     node scripts/dashboard-browser.mjs
 *
 * It takes an installed Chromium, or unpacks Debian's (see chromium.mjs). The packages of the project have to be built (`npm run build`).
 * Screenshots are left in .cache/dashboard.
 */
import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { findChromium } from './chromium.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SHOTS = join(ROOT, '.cache', 'dashboard');
const TOKEN = 'token-of-the-browser-test';
const CANARY = 'canary-4711-plaintext';

const { SecretBytes } = await import(`${ROOT}/packages/core/lib/index.js`);
const { startMonitor } = await import(`${ROOT}/packages/monitor/dist/index.js`);
const audit = await import(`${ROOT}/packages/monitor/dist/audit.js`);
const { dashboardApp, localSource } = await import(`${ROOT}/packages/dashboard/dist/index.js`);
const { serve } = await import(`${ROOT}/node_modules/@hono/node-server/dist/index.mjs`);

mkdirSync(SHOTS, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'fieldseal-dashboard-'));
const { path, env, source: found } = findChromium(ROOT);
const scene = await makeScene();
const browser = await chromium.launch({
  executablePath: path,
  args: ['--no-sandbox'],
  env: { ...process.env, ...env },
});
const problems = [];
try {
  console.log(`Chromium ${browser.version()} (${found})`);
  await signIn();
  await theWholePage();
  await acknowledgeByKeyboard();
  await looks();
  await sourceAway();
  assert.deepEqual(problems, [], 'the browser reported problems');
  say('no error, no violation of the policy, no request elsewhere');
} finally {
  await browser.close();
  await scene.end();
  rmSync(folder, { recursive: true, force: true });
}

/** A monitor with something of everything, its history as if it had run for a while. */
async function makeScene() {
  let log;
  let done = 61_000;
  const jobs = () => [{ kind: 're-encrypt', model: 'Patient', state: 'running', done, total: 200_000 }];
  const monitor = startMonitor({ audit: () => log, jobs, runbooks: 'https://wiki.example/runbooks' });
  log = await audit.openAuditLog({
    signer: audit.noteSigner('audit.example/clinic', SecretBytes.random(32)),
    identifierKey: SecretBytes.random(32),
    sinks: [audit.fileAuditSink(join(folder, 'audit.jsonl'))],
    witnesses: [audit.fileWitness(join(folder, 'witness.jsonl'))],
    metrics: monitor.metrics,
    timeoutMs: 20_000,
  });
  const publish = (name, event) => channel(`fieldseal:${name}`).publish(event);
  const now = Date.now();
  publish('keyring', { action: 'open', keyringId: '7da09cc0c98c8578', generation: 7, subject: undefined });
  for (const [status, count] of [
    ['enabled', 2],
    ['disabled', 1],
  ])
    monitor.metrics.set('key.versions', [status], count);
  monitor.metrics.set('key.age', [], 41 * 86_400);
  monitor.metrics.set('keyring.generation', [], 7);
  monitor.metrics.set('cache.entries', [], 212);
  monitor.metrics.set('breaker.state', ['shared cache'], 0);
  for (const kind of ['keyring', 'metadata'])
    publish('backup', { action: 'create', kind, ok: true, bytes: 48_211, ms: 40 });
  publish('backup', { action: 'verify', kind: 'keyring', ok: true, bytes: undefined, ms: 40 });
  publish('job', {
    action: 'start',
    job: 'a',
    kind: 're-encrypt',
    model: 'Patient',
    read: 0,
    done: 0,
    conflicts: 0,
    quarantined: 0,
  });
  const who = ['reception', 'dr-adams', 'billing'];
  for (let at = 0; at < 24; at++)
    await log.append({
      actor: who[at % 3],
      action: ['field.decrypt', 'field.encrypt', 'patient.export', 'keyring.promote'][at % 4],
      object: ['Patient.notes', 'Patient.email', 'Patient', 'keyring:7da09cc0c98c8578'][at % 4],
      id: at % 4 === 2 ? CANARY : undefined,
      key: at % 4 === 3 ? '1b4f2c194921e80d' : null,
      outcome: at % 11 === 10 ? 'refused' : 'done',
      code: at % 11 === 10 ? 'ERR_NOT_AUTHORIZED' : null,
      count: 1 + ((at * 37) % 90),
    });
  await log.checkpoint();
  let time = now - 30 * 60_000;
  let away = false;
  const local = localSource(monitor);
  const source = {
    status: async () => {
      if (away) throw new Error('away');
      return { ...(await local.status()), time };
    },
    acknowledge: local.acknowledge,
  };
  // What the server sees in half an hour, in a moment: the same reports, through the same door.
  const app = dashboardApp({ source, token: TOKEN });
  for (let at = 0; at < 359; at++) {
    const wave = 1 + Math.sin(at / 25);
    const fields = [
      { model: 'Patient', field: 'notes', count: Math.round(220 * wave) + (at % 7) * 9 },
      { model: 'Patient', field: 'email', count: Math.round(160 * wave) + (at % 5) * 7 },
    ];
    const event = { fields, older: at % 9, size: 9000, engine: 'simd', count: 400 };
    publish('cipher', { ...event, operation: 'decrypt', ms: 0.2 + 0.15 * wave + (at % 13) / 40 });
    publish('cipher', {
      ...event,
      operation: 'encrypt',
      fields: [{ ...fields[0], count: 40 + (at % 11) * 3 }],
      older: 0,
      ms: 0.12,
    });
    monitor.metrics.add('cache.requests', ['local', 'hit'], 97 + (at % 3));
    monitor.metrics.add('cache.requests', ['local', 'miss'], 1 + (at % 4));
    publish('job', {
      action: 'batch',
      job: 'a',
      kind: 're-encrypt',
      model: 'Patient',
      read: 500,
      done: 500,
      conflicts: at % 90 === 0 ? 1 : 0,
      quarantined: 0,
    });
    done += 170;
    if (at > 300 && at % 3 === 0)
      publish('failure', { code: 'ERR_DECRYPT', model: 'Patient', field: 'notes', keyId: '1b4f2c194921e80d' });
    time += 5000;
    await app.sample();
  }
  time = now;
  await monitor.alerts.tick();
  await app.sample();
  const server = await new Promise((resolve) => {
    const started = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, () => resolve(started));
  });
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    url,
    monitor,
    sample: () => app.sample(),
    leave: () => {
      away = true;
    },
    end: async () => {
      server.closeAllConnections();
      server.close();
      await log.close();
      await monitor.stop();
    },
  };
}

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...options });
  const page = await context.newPage();
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // A request that is refused is logged by the browser itself.
    if (message.type() === 'error' && !/status of (401|400)/.test(message.text()))
      problems.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(scene.url) && !request.url().startsWith('data:'))
      problems.push(`request: ${request.url()}`);
    if (request.url().includes(TOKEN)) problems.push('the token is in the address of a request');
  });
  return { context, page };
}

async function signIn() {
  const { context, page } = await open();
  await page.goto(scene.url);
  await page.getByLabel('Token').waitFor();
  assert.equal(await page.locator('#board').isVisible(), false);
  await page.keyboard.type('another token of some length');
  await page.keyboard.press('Enter');
  await page.getByText('This token is not the one of the dashboard.').waitFor();
  await page.keyboard.type(TOKEN);
  await page.keyboard.press('Enter');
  await page.locator('#board').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  assert.equal(await page.locator('#board').isVisible(), false);
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.screenshot({ path: join(SHOTS, 'sign-in.png') });
  await page.goto('about:blank');
  await page.goto(`${scene.url}/#token=${TOKEN}`);
  await page.locator('#board').waitFor();
  assert.equal(await page.evaluate(() => location.href), `${scene.url}/`);
  await context.close();
  say('signs in by keyboard and by address, and out; the token leaves the address bar');
}

async function theWholePage() {
  const { context, page } = await board();
  for (const name of [
    'Now',
    'Alerts',
    'Throughput',
    'Latency',
    'Failures',
    'Key cache',
    'Health',
    'Keys',
    'Cache and breakers',
    'Rotation and other jobs',
    'Backups',
    'Fields',
    'Audit log',
  ])
    await page.getByRole('heading', { name, exact: false }).first().waitFor();
  for (const name of ['throughput', 'latency', 'failures', 'hits']) {
    await page.locator(`#chart-${name} canvas`).waitFor();
    assert.match((await page.locator(`#chart-${name}`).getAttribute('aria-label')) ?? '', /Now: /);
    assert.equal(await page.evaluate(painted, `#chart-${name} canvas`), true, `${name} is drawn`);
  }
  const text = await page.locator('body').textContent();
  assert.ok(text?.includes('decrypt-failure-burst'), 'the alert is shown');
  assert.ok(/rows\/s · done in \d+ min/.test(text ?? ''), 'the job has a pace and an end');
  assert.ok(text?.includes('keyring.promote'), 'the tail of the audit log is shown');
  assert.ok(text?.includes('last checkpoint'), 'so is its checkpoint');
  const html = await page.content();
  for (const secret of [CANARY, 'reception', 'dr-adams', TOKEN])
    assert.equal(html.includes(secret), false, `${secret} is on the page`);
  // One heading of the first level, and none skipped; every control has a name; tables have headings.
  const levels = await page.evaluate(() =>
    [...document.querySelectorAll('main h1, main h2, header h1')].map(({ tagName }) => tagName),
  );
  assert.deepEqual([...new Set(levels)], ['H1', 'H2']);
  const nameless = await page.evaluate(
    () =>
      [...document.querySelectorAll('input, select, button')].filter(
        (control) =>
          !control.labels?.length && !control.getAttribute('aria-label') && control.textContent.trim() === '',
      ).length,
  );
  assert.equal(nameless, 0);
  await context.close();
  say('shows all parts, with names for a screen reader; no actor, row or token is on it');
}

async function acknowledgeByKeyboard() {
  const { context, page } = await board();
  const rule = 'decrypt-failure-burst';
  const button = page.getByRole('button', { name: `Acknowledge ${rule}` });
  for (let at = 0; at < 30; at++) {
    await page.keyboard.press('Tab');
    if (await button.evaluate((element) => element === document.activeElement)) break;
  }
  assert.equal(await button.evaluate((element) => element === document.activeElement), true, 'Tab reaches the alert');
  // The page is drawn anew every five seconds: the focus stays.
  await scene.sample();
  await page.waitForResponse((response) => response.url().endsWith('/api/view'));
  await page.waitForTimeout(200);
  assert.equal(await button.evaluate((element) => element === document.activeElement), true, 'the focus stays');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('dialog').isVisible(), false, 'Escape closes the dialogue');
  await button.press('Enter');
  await page.keyboard.type('Ada');
  await page.keyboard.press('Tab');
  await page.keyboard.type('<b>looking</b> at it');
  await page.screenshot({ path: join(SHOTS, 'acknowledge.png') });
  await page.keyboard.press('Enter');
  await page.getByText('Taken on by Ada').waitFor();
  assert.equal(await page.locator('#alerts b').count(), 0, 'a comment is text');
  const taken = scene.monitor.alerts.active.find(({ key }) => key === rule)?.acknowledgement;
  assert.deepEqual([taken?.owner, taken?.comment], ['Ada', '<b>looking</b> at it']);
  await context.close();
  say('an alert is acknowledged by keyboard alone, and what is typed stays text');
}

async function looks() {
  for (const colorScheme of ['light', 'dark'])
    for (const [device, viewport] of Object.entries({
      desktop: { width: 1360, height: 900 },
      phone: { width: 390, height: 844 },
    })) {
      const { context, page } = await board({ colorScheme, viewport, deviceScaleFactor: 1 });
      const wide = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.ok(wide <= 0, `${device}: the page is ${wide} pixels too wide`);
      assert.deepEqual(await page.evaluate(faint), [], `${device}, ${colorScheme}: text of too little contrast`);
      if (device === 'phone') {
        const small = await page.evaluate(
          () =>
            [...document.querySelectorAll('button')].filter((one) => one.offsetHeight > 0 && one.offsetHeight < 32)
              .length,
        );
        assert.equal(small, 0, 'buttons are large enough for a finger');
      }
      await page.screenshot({ path: join(SHOTS, `${device}-${colorScheme}.png`), fullPage: true });
      await context.close();
    }
  say('fits desktop and phone, light and dark, with a contrast of 4.5 at least (WCAG 2.2 AA)');
}

async function sourceAway() {
  const { context, page } = await board();
  scene.leave();
  await scene.sample();
  await page.getByText('The monitor cannot be reached. What follows is old.').waitFor({ timeout: 20_000 });
  await context.close();
  say('says so when the monitor cannot be reached');
}

async function board(options) {
  const { context, page } = await open(options);
  await page.goto(`${scene.url}/#token=${TOKEN}`);
  await page.locator('#board').waitFor();
  await page.locator('#chart-hits canvas').waitFor();
  return { context, page };
}

/** Runs in the page: whether something was drawn on a canvas. */
function painted(selector) {
  const canvas = document.querySelector(selector);
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.some((value, at) => at % 4 === 3 && value > 0);
}

/** Runs in the page: texts whose contrast with what is behind them is below 4.5, by WCAG 2.2 §1.4.3. */
function faint() {
  const parse = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((value) =>
      value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const { parentElement, textContent } = walker.currentNode;
    if (
      textContent.trim() === '' ||
      ['SCRIPT', 'STYLE'].includes(parentElement.tagName) ||
      !parentElement.checkVisibility()
    )
      continue;
    const [a, b] = [parse(getComputedStyle(parentElement).color), behind(parentElement)].map(luminance);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${textContent.trim().slice(0, 30)}: ${ratio.toFixed(1)}`);
  }
  return found;
}

function say(what) {
  console.log(`ok  ${what}`);
}
