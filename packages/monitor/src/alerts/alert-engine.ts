import { randomUUID } from 'node:crypto';
import { FieldsealError } from '@fieldseal/core';
import type { Clock } from '../clock.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { type Alert, acknowledgement, alertKey, type Notice } from './alert.ts';
import { type AlertRule, runbookOf, type Severity } from './alert-rule.ts';
import type { AlertSink } from './alert-sink.ts';
import type { AlertStore } from './alert-store.ts';
import { type Finding, RuleState } from './condition.ts';

/** What an {@link AlertEngine} works with. */
export interface AlertEngineParts {
  readonly metrics: Metrics;
  readonly rules: readonly AlertRule[];
  readonly sinks: readonly AlertSink[];
  readonly store: AlertStore;
  readonly clock: Clock;
  /** Address of the folder of runbooks. */
  readonly runbooks: string;
}

/** Most deliveries that may be under way. Beyond it notices are given up and counted: something is wrong with the sinks. */
const DELIVERY_LIMIT = 100;

/** Time that a store has to answer, in ms: alerts do not wait for it. */
const STORE_TIMEOUT_MS = 2000;

/** Evaluates rules and tells of what they find: once, and again after their cooldown until somebody acknowledges or it is over. */
export class AlertEngine {
  readonly #parts: AlertEngineParts;
  readonly #states: readonly RuleState[];
  readonly #alerts = new Map<string, Alert>();
  readonly #deliveries = new Set<Promise<void>>();
  #saving: Promise<void> = Promise.resolve();
  #recalled = false;

  /** Takes the counters as they are for the beginning. */
  constructor(parts: AlertEngineParts) {
    this.#parts = parts;
    this.#states = parts.rules.map((rule) => new RuleState(rule));
    for (const state of this.#states) state.evaluate(parts.metrics, parts.clock.now());
  }

  /** The alerts that are pending or fire. */
  get active(): readonly Alert[] {
    return [...this.#alerts.values()].filter(({ state }) => state !== 'resolved');
  }

  /** Number of alerts that fire, by severity. */
  firing(severity: Severity): number {
    return this.active.filter((alert) => alert.state === 'firing' && alert.severity === severity).length;
  }

  /** Evaluates all rules once. Resolves when the store has answered; deliveries go on (see {@link settled}). It never rejects. */
  async tick(): Promise<void> {
    await this.#recall();
    const now = this.#parts.clock.now();
    for (const state of this.#states) this.#apply(state.rule, state.evaluate(this.#parts.metrics, now), now);
    for (const severity of ['critical', 'warning'] as const)
      this.#parts.metrics.set('alerts.firing', [severity], this.firing(severity));
    await this.#within(this.#saving);
  }

  /** Resolves when no delivery is under way. */
  async settled(): Promise<void> {
    while (this.#deliveries.size > 0) await Promise.all(this.#deliveries);
    await this.#saving;
  }

  /**
   * Takes an alert on: no notice of it is repeated until the time is over or the alert is.
   *
   * @param forMs - how long, in ms: at most 30 days
   * @throws ERR_OPTIONS for an unknown alert, an empty owner, a text that is too long, or another time
   */
  async acknowledge(key: string, owner: string, comment: string, forMs: number): Promise<void> {
    const given = acknowledgement(owner, comment, forMs, this.#parts.clock.now());
    const fires = (): Alert => {
      const alert = this.#alerts.get(key);
      if (alert?.state === 'firing') return alert;
      throw new FieldsealError('ERR_OPTIONS', 'no alert of this key fires');
    };
    fires();
    await this.#saving;
    await this.#parts.store.acknowledge(key, given);
    this.#alerts.set(key, { ...fires(), acknowledgement: given });
  }

  /** Reads the store: all of it the first time, acknowledgements always. */
  async #recall(): Promise<void> {
    // What the engine knows by itself is enough to go on.
    const stored = await this.#within(this.#parts.store.load()).catch(() => undefined);
    if (stored === undefined) return;
    const known = new Set(this.#parts.rules.map(({ id }) => id));
    for (const alert of stored) {
      const mine = this.#alerts.get(alert.key);
      const given = alert.acknowledgement;
      // One that was not taken away in time is not for the alert that fires now.
      if (mine?.state === 'firing' && (given === null || given.given >= mine.since))
        this.#alerts.set(alert.key, { ...mine, acknowledgement: given });
      else if (mine === undefined && !this.#recalled && known.has(alert.rule)) this.#alerts.set(alert.key, alert);
    }
    this.#recalled = true;
  }

  #apply(rule: AlertRule, findings: readonly Finding[], now: number): void {
    const met = new Set<string>();
    for (const { labels, value } of findings) {
      const key = alertKey(rule.id, labels);
      met.add(key);
      this.#met(rule, key, labels, value, now);
    }
    for (const alert of [...this.#alerts.values()])
      if (alert.rule === rule.id && !met.has(alert.key)) this.#over(rule, alert, now);
  }

  #met(rule: AlertRule, key: string, labels: Alert['labels'], value: number, now: number): void {
    const before = this.#alerts.get(key);
    const noticed = before?.noticed ?? null;
    if (before === undefined || before.state === 'resolved') {
      const { id, severity } = rule;
      const fresh = { key, rule: id, severity, labels, since: now, noticed, told: false, acknowledgement: null };
      this.#alerts.set(key, { ...fresh, state: 'pending', value });
    } else this.#alerts.set(key, { ...before, value });
    let alert = this.#alerts.get(key) as Alert;
    if (alert.state === 'pending' && now - alert.since >= rule.hold * 1000) {
      alert = { ...alert, state: 'firing', since: now };
      this.#keep(alert);
    }
    if (alert.state !== 'firing') return;
    if (alert.acknowledgement !== null && alert.acknowledgement.until <= now) {
      alert = { ...alert, acknowledgement: null };
      this.#keep(alert);
      this.#write(() => this.#parts.store.acknowledge(key, null));
    }
    const due = alert.noticed === null || now - alert.noticed >= rule.cooldown * 1000;
    if (!due || alert.acknowledgement !== null) return;
    alert = { ...alert, noticed: now, told: true };
    this.#keep(alert);
    this.#send(rule, alert);
  }

  #over(rule: AlertRule, alert: Alert, now: number): void {
    if (alert.state === 'resolved') {
      // Kept for as long as a notice of it would be held back.
      if (alert.noticed === null || now - alert.noticed >= rule.cooldown * 1000) this.#alerts.delete(alert.key);
      return;
    }
    if (alert.state === 'pending') {
      if (alert.noticed === null) this.#alerts.delete(alert.key);
      else this.#alerts.set(alert.key, { ...alert, state: 'resolved', since: now });
      return;
    }
    const resolved: Alert = { ...alert, state: 'resolved', since: now, told: false, acknowledgement: null };
    this.#keep(resolved);
    if (alert.acknowledgement !== null) this.#write(() => this.#parts.store.acknowledge(alert.key, null));
    if (alert.told) this.#send(rule, resolved);
  }

  #keep(alert: Alert): void {
    this.#alerts.set(alert.key, alert);
    this.#write(() => this.#parts.store.save(alert));
  }

  /** Writes follow each other, so that the store ends with the newest state. */
  #write(write: () => Promise<unknown>): void {
    this.#saving = this.#saving
      .then(() => this.#within(write()))
      .then(
        () => undefined,
        () => undefined,
      );
  }

  /** What a store answers, or undefined when it takes too long. */
  #within<Value>(answer: Promise<Value>): Promise<Value | undefined> {
    return Promise.race([answer, this.#parts.clock.sleep(STORE_TIMEOUT_MS).then(() => undefined)]);
  }

  #send(rule: AlertRule, { key, severity, state, labels, value, since }: Alert): void {
    const notice: Notice = {
      id: randomUUID(),
      key,
      rule: rule.id,
      severity,
      state: state === 'firing' ? 'firing' : 'resolved',
      summary: rule.summary,
      labels,
      value,
      since: new Date(since).toISOString(),
      runbook: runbookOf(rule, this.#parts.runbooks),
    };
    for (const sink of this.#parts.sinks) {
      if (this.#deliveries.size >= DELIVERY_LIMIT) {
        this.#parts.metrics.add('alerts.deliveries', ['failed']);
        continue;
      }
      const delivery = Promise.resolve()
        .then(() => sink.deliver(notice))
        .then(
          () => this.#parts.metrics.add('alerts.deliveries', ['delivered']),
          () => this.#parts.metrics.add('alerts.deliveries', ['failed']),
        )
        .finally(() => this.#deliveries.delete(delivery));
      this.#deliveries.add(delivery);
    }
  }
}
