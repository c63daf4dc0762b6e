/* The parts of the page: each makes elements of a piece of the view. */
import { ago, clock, duration, element, none, number, pill, TONES, table } from './elements.js';

export function drawTiles({ now, keys, alerts }) {
  const firing = alerts.filter(({ state }) => state === 'firing');
  const open = firing.filter(({ acknowledgement }) => acknowledgement === null).length;
  const tile = (name, value, unit, tone) =>
    element(
      'div',
      {},
      element('dt', {}, name),
      element('dd', { class: tone }, value, unit ? element('small', {}, unit) : ''),
    );
  return [
    tile('Alerts firing', number(firing.length), open > 0 ? `${open} open` : '', open > 0 ? 'bad' : undefined),
    tile('Encrypted', number(now.encrypt, 1), '/s'),
    tile('Decrypted', number(now.decrypt, 1), '/s'),
    tile('Latency p95', number(now.p95, 2), now.p95 === null ? '' : 'ms'),
    tile('Failures', number(now.failures, 2), '/s', now.failures > 0 ? 'warn' : undefined),
    tile('Cache hits', number(now.hits, 1), now.hits === null ? '' : '%'),
    tile('Primary key', duration(keys.age), keys.age === null ? '' : 'old'),
    tile('Keyrings open', number(keys.open), '', keys.open > 0 ? undefined : 'bad'),
  ];
}

export function drawAlerts({ alerts, time }, acknowledge) {
  if (alerts.length === 0) return none('Nothing is wrong.');
  const link = ({ runbook }) =>
    /^https?:\/\//.test(runbook)
      ? element('a', { href: runbook, rel: 'noreferrer', target: '_blank' }, 'Runbook')
      : element('span', { class: 'muted' }, `Runbook: ${runbook}`);
  const item = (alert) => {
    const { key, rule, severity, state, since, labels, summary, acknowledgement } = alert;
    const where = Object.entries(labels)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ');
    const tone = severity === 'critical' ? 'bad' : 'warn';
    const taken =
      acknowledgement === null
        ? null
        : `Taken on by ${acknowledgement.owner} until ${clock(new Date(acknowledgement.until).toISOString())} UTC${acknowledgement.comment ? `: ${acknowledgement.comment}` : ''}`;
    return element(
      'li',
      { class: 'alert' },
      pill(state === 'firing' ? severity : `${severity}, pending`, acknowledgement === null ? tone : ''),
      element(
        'div',
        {},
        element('p', {}, element('strong', {}, rule), where ? ` ${where}` : ''),
        element('p', {}, summary),
        element('p', { class: 'muted' }, `for ${duration(Math.max(0, time - since / 1000))} · `, link(alert)),
        taken === null ? null : element('p', { class: 'muted' }, taken),
      ),
      state === 'firing' && acknowledgement === null
        ? element(
            'button',
            {
              type: 'button',
              'data-focus': `ack ${key}`,
              'aria-label': `Acknowledge ${rule}`,
              onclick: () => acknowledge(alert),
            },
            'Acknowledge',
          )
        : null,
    );
  };
  return element('ul', {}, ...alerts.map(item));
}

export const drawHealth = (components) =>
  table(
    'Health',
    [['part'], ['state'], ['reason']],
    components.map(({ name, state, reason }) => [name, pill(state, TONES[state]), reason]),
  );

export function drawKeys({ age, generation, wear, versions, older, open }) {
  const rows = [
    ['keyrings open', number(open)],
    ['age of the primary key', duration(age)],
    ['generation of the keyring', number(generation)],
    ...versions.map(({ status, count }) => [`versions ${status}`, number(count)]),
    ['values read under an older key', number(older)],
    ['wear of the primary key', wear === null ? 'below a half' : `${number(wear * 100, 1)} %`],
  ];
  return table('Keys', [[''], ['', 'number']], rows);
}

export function drawCache({ entries, evictions, requests, breakers }) {
  const states = ['closed', 'half open', 'open'];
  const tones = ['good', 'warn', 'bad'];
  const rows = [
    ...(entries === null
      ? []
      : [
          ['scopes in memory', number(entries)],
          ['evictions', number(evictions)],
        ]),
    ...requests.map(({ tier, result, count }) => [`${tier} ${result}`, number(count)]),
    ...breakers.map(({ name, state }) => [`breaker ${name}`, pill(states[state] ?? '?', tones[state])]),
  ];
  return rows.length === 0
    ? none('No cache, and no breaker so far.')
    : table('Cache and breakers', [[''], ['', 'number']], rows);
}

export function drawJobs(jobs) {
  if (jobs.length === 0) return none('No job has run in this process.');
  const tone = { running: 'good', paused: 'warn', cancelled: 'warn' };
  return element(
    'ul',
    {},
    ...jobs.map(({ kind, model, state, done, total, perSecond, etaSeconds, conflicts, quarantined }) => {
      const share = total === null || total === 0 ? null : Math.min(1, done / total);
      const bar =
        share === null
          ? null
          : element('progress', { max: '1', value: String(share), 'aria-label': `${kind} ${model}` });
      const facts = [
        total === null
          ? `${number(done)} rows`
          : `${number(done)} of ${number(total)} rows (${number(100 * (share ?? 1), 1)} %)`,
        perSecond === null ? '' : `${number(perSecond)} rows/s`,
        etaSeconds === null ? '' : `done in ${duration(etaSeconds)}`,
        conflicts > 0 ? `${number(conflicts)} conflicts` : '',
        quarantined > 0 ? `${number(quarantined)} quarantined` : '',
      ].filter((fact) => fact !== '');
      return element(
        'li',
        { class: 'alert' },
        element(
          'div',
          {},
          element('p', {}, element('strong', {}, `${kind} ${model}`), ' ', pill(state, tone[state])),
          bar ?? '',
          element('p', { class: 'muted' }, facts.join(' · ')),
        ),
      );
    }),
  );
}

export function drawBackups({ backups, time }) {
  if (backups.length === 0) return none('No backup is known to this process.');
  const rows = backups.map(({ kind, made, verified, drill, size }) => [
    kind,
    ago(made, time),
    ago(verified, time),
    ago(drill, time),
    size === null ? '–' : `${number(size / 1024)} KiB`,
  ]);
  return table('Backups', [['of'], ['made'], ['verified'], ['drill'], ['size', 'number']], rows);
}

export function drawFields(fields) {
  if (fields.length === 0) return none('No field was encrypted or decrypted so far.');
  return table(
    'Fields',
    [['field'], ['encrypted', 'number'], ['decrypted', 'number'], ['failed', 'number']],
    fields.map(({ model, field, encrypted, decrypted, failed }) => [
      `${model}.${field}`,
      number(encrypted),
      number(decrypted),
      number(failed),
    ]),
  );
}

export function drawAudit({ audit, time }) {
  if (audit === null) return none('No audit log is open in this process.');
  const witness =
    audit.checkpoint === null
      ? 'no checkpoint was taken by a witness so far'
      : `last checkpoint ${ago(audit.checkpoint, time)}`;
  const outcome = { begun: '', done: 'good', refused: 'warn', failed: 'bad' };
  const rows = audit.recent.map(({ seq, time: at, actor, action, object, key, outcome: how, code, count }) => [
    number(seq),
    clock(at),
    actor === null ? '–' : actor.slice(0, 8),
    action,
    object.replace(/(#[0-9a-f]{8})[0-9a-f]{24}$/, '$1'),
    key ?? '–',
    element('span', {}, pill(how, outcome[how]), code === null ? '' : ` ${code}`),
    number(count),
  ]);
  const heads = [
    ['no.', 'number'],
    ['time (UTC)', 'code'],
    ['actor (hashed)', 'code'],
    ['action', 'code'],
    ['object', 'code'],
    ['key', 'code'],
    ['outcome'],
    ['times', 'number'],
  ];
  return [
    element('p', { class: 'muted' }, `${number(audit.size)} entries, ${witness}`),
    table('Audit log', heads, rows),
  ];
}
