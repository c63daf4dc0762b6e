import { describe, expect, it } from 'vitest';
import type { KeySeries } from '../src/key-store/keyset-record.ts';
import * as keyset from '../src/keyset.ts';
import { XCHACHA20_POLY1305 } from '../src/suite.ts';
import { codeOf } from './error-code.ts';

const [ONE, TWO, THREE] = ['1111111111111111', '2222222222222222', '3333333333333333'];
const NOW = Date.parse('2026-06-01T00:00:00Z');
const WAIT = keyset.DESTROY_WAIT_MS;

function key(keyId: string): keyset.NewKeyVersion {
  return { keyId, suite: XCHACHA20_POLY1305, created: '2026-01-01T00:00:00.000Z', kekId: 'kek-1', wrapped: 'AAAA' };
}

function statuses(series: KeySeries): string[] {
  return series.versions.map(
    ({ version, status, destroyAfter }) => `${version} ${status}${destroyAfter === null ? '' : ' scheduled'}`,
  );
}

/** Two versions; the second is the primary and the first is enabled. */
function rotated(): KeySeries {
  return keyset.promote(keyset.addVersion(keyset.startSeries(key(ONE)), key(TWO)), TWO);
}

function scheduled(): KeySeries {
  return keyset.scheduleDestroy(keyset.disable(rotated(), ONE), ONE, NOW);
}

describe('the life of a key version', () => {
  it('starts as the primary of its series', () => {
    const series = keyset.startSeries(key(ONE));
    expect(series.primary).toBe(ONE);
    expect(statuses(series)).toEqual(['1 enabled']);
  });

  it('goes from added through primary, disabled and scheduled to destroyed', () => {
    const added = keyset.addVersion(keyset.startSeries(key(ONE)), key(TWO));
    expect(added.primary).toBe(ONE);
    expect(statuses(added)).toEqual(['1 enabled', '2 enabled']);
    expect(keyset.promote(added, TWO).primary).toBe(TWO);
    expect(statuses(keyset.disable(rotated(), ONE))).toEqual(['1 disabled', '2 enabled']);
    expect(statuses(scheduled())).toEqual(['1 disabled scheduled', '2 enabled']);
    const destroyed = keyset.destroy(scheduled(), ONE, NOW + WAIT, 0);
    expect(statuses(destroyed)).toEqual(['1 destroyed', '2 enabled']);
    expect(destroyed.versions[0]).toMatchObject({ keyId: ONE, wrapped: null, destroyAfter: null });
  });

  it('goes back: enabled again, and destruction cancelled', () => {
    expect(statuses(keyset.enable(keyset.disable(rotated(), ONE), ONE))).toEqual(['1 enabled', '2 enabled']);
    expect(statuses(keyset.cancelDestroy(scheduled(), ONE))).toEqual(['1 disabled', '2 enabled']);
    expect(statuses(keyset.enable(scheduled(), ONE))).toEqual(['1 enabled', '2 enabled']);
  });

  it('counts versions on, past destroyed ones', () => {
    const destroyed = keyset.destroy(scheduled(), ONE, NOW + WAIT, 0);
    expect(keyset.addVersion(destroyed, key(THREE)).versions.map(({ version }) => version)).toEqual([1, 2, 3]);
  });

  it('never changes the series that it was given', () => {
    const series = keyset.disable(rotated(), ONE);
    const before = structuredClone(series);
    keyset.enable(series, ONE);
    keyset.scheduleDestroy(series, ONE, NOW);
    keyset.addVersion(series, key(THREE));
    expect(series).toEqual(before);
  });
});

describe('is refused:', () => {
  const destroyed = () => keyset.destroy(scheduled(), ONE, NOW + WAIT, 0);
  const refusals: readonly (readonly [string, () => KeySeries])[] = [
    ['a key id that is there already', () => keyset.addVersion(rotated(), key(ONE))],
    ['a key id that was destroyed', () => keyset.addVersion(destroyed(), key(ONE))],
    ['promoting a disabled version', () => keyset.promote(keyset.disable(rotated(), ONE), ONE)],
    ['promoting a scheduled version', () => keyset.promote(scheduled(), ONE)],
    ['promoting a destroyed version', () => keyset.promote(destroyed(), ONE)],
    ['disabling the primary', () => keyset.disable(rotated(), TWO)],
    ['disabling twice', () => keyset.disable(keyset.disable(rotated(), ONE), ONE)],
    ['disabling a destroyed version', () => keyset.disable(destroyed(), ONE)],
    ['enabling an enabled version', () => keyset.enable(rotated(), ONE)],
    ['enabling a destroyed version', () => keyset.enable(destroyed(), ONE)],
    ['scheduling an enabled version', () => keyset.scheduleDestroy(rotated(), ONE, NOW)],
    ['scheduling the primary', () => keyset.scheduleDestroy(rotated(), TWO, NOW)],
    ['scheduling a destroyed version', () => keyset.scheduleDestroy(destroyed(), ONE, NOW)],
    ['waiting less than seven days', () => keyset.scheduleDestroy(keyset.disable(rotated(), ONE), ONE, NOW, WAIT - 1)],
    ['not waiting', () => keyset.scheduleDestroy(keyset.disable(rotated(), ONE), ONE, NOW, 0)],
    ['waiting a negative time', () => keyset.scheduleDestroy(keyset.disable(rotated(), ONE), ONE, NOW, -WAIT)],
    ['waiting for no number', () => keyset.scheduleDestroy(keyset.disable(rotated(), ONE), ONE, NOW, Number.NaN)],
    [
      'waiting for ever',
      () => keyset.scheduleDestroy(keyset.disable(rotated(), ONE), ONE, NOW, Number.POSITIVE_INFINITY),
    ],
    ['waiting beyond the end of time', () => keyset.scheduleDestroy(keyset.disable(rotated(), ONE), ONE, NOW, 8.64e15)],
    ['cancelling what was not asked for', () => keyset.cancelDestroy(keyset.disable(rotated(), ONE), ONE)],
    ['cancelling for an enabled version', () => keyset.cancelDestroy(rotated(), ONE)],
    ['cancelling for a destroyed version', () => keyset.cancelDestroy(destroyed(), ONE)],
    ['destroying an enabled version', () => keyset.destroy(rotated(), ONE, NOW + WAIT, 0)],
    ['destroying the primary', () => keyset.destroy(rotated(), TWO, NOW + WAIT, 0)],
    [
      'destroying a version that is only disabled',
      () => keyset.destroy(keyset.disable(rotated(), ONE), ONE, NOW + WAIT, 0),
    ],
    ['destroying before the time is over', () => keyset.destroy(scheduled(), ONE, NOW + WAIT - 1, 0)],
    ['destroying while a row is left', () => keyset.destroy(scheduled(), ONE, NOW + WAIT, 1)],
    ['destroying without a census', () => keyset.destroy(scheduled(), ONE, NOW + WAIT, Number.NaN)],
    ['destroying twice', () => keyset.destroy(destroyed(), ONE, NOW + WAIT, 0)],
    [
      'destroying after a cancelled request',
      () => keyset.destroy(keyset.cancelDestroy(scheduled(), ONE), ONE, NOW + WAIT, 0),
    ],
  ];

  it.each(refusals)('%s', (_what, step) => {
    expect(codeOf(step)).toBe('ERR_KEY_STATUS');
  });

  it('every step on an unknown version', () => {
    for (const step of [keyset.promote, keyset.disable, keyset.enable, keyset.cancelDestroy]) {
      expect(codeOf(() => step(rotated(), THREE))).toBe('ERR_KEY_UNKNOWN');
    }
    expect(codeOf(() => keyset.scheduleDestroy(rotated(), THREE, NOW))).toBe('ERR_KEY_UNKNOWN');
    expect(codeOf(() => keyset.destroy(rotated(), THREE, NOW, 0))).toBe('ERR_KEY_UNKNOWN');
  });
});
