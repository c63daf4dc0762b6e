import { createKeyring, generateRawKey, type Keyring, keyringMemory, openKeyring, rawKey } from '@fieldseal/core';
import { Fleet, Heartbeat, type SqlDatabase } from '@fieldseal/core/jobs';
import { describe, expect, it } from 'vitest';
import { typedError } from '../harness.ts';
import type { JobDatabase } from './job-database.ts';
import { ids, rowsOf, seal } from './job-rows.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** The gates of a fleet, over the clock of the database. */
export function fleetCases(opened: () => JobDatabase): void {
  /** A keyring, and an instance whose copy of it comes later. */
  const fixture = async () => {
    const test = opened();
    await test.run('DELETE FROM fieldseal_instance').catch(() => undefined);
    const key = rawKey(generateRawKey());
    const storage = keyringMemory();
    const { keyring } = await createKeyring({ storage, openers: [key] });
    let shipped = (await storage.read()) as string;
    const copy = await openKeyring({ storage: { ...storage, read: async () => shipped }, openers: [key] });
    const ship = async () => {
      shipped = (await storage.read()) as string;
    };
    const beats = (own: Keyring, database: SqlDatabase = test.database) => new Heartbeat({ database, keyring: own });
    /** Makes the last beats of an instance as old as this, as if it had been silent since. */
    const age = (instance: Heartbeat, ms: number) =>
      test.run(`UPDATE fieldseal_instance SET "seen_at" = "seen_at" - ${ms} WHERE "id" = ?`, instance.id);
    const primary = async () => (await keyring.describe()).keysets[0]?.data.primary;
    return { test, keyring, copy, ship, beats, age, primary, fleet: new Fleet(test.database) };
  };

  describe('fleet', () => {
    it('promotes when every live instance has the key, and waits for those that have not', async () => {
      const { keyring, copy, ship, beats, fleet, primary } = await fixture();
      const [first, second] = [beats(keyring), beats(copy)];
      await first.start();
      await second.start();
      const before = await primary();
      const keyId = await keyring.addKey();
      await first.beat();
      await second.beat(); // with the older copy
      await expect(fleet.promote(keyring, keyId)).rejects.toEqual(typedError('ERR_FLEET_BEHIND'));
      await expect(fleet.promote(keyring, keyId, { waitMs: 30 })).rejects.toThrow('1 of 2 live instances');
      expect(await primary()).toBe(before);
      const promoted = fleet.promote(keyring, keyId, { waitMs: 20_000 });
      await ship();
      await second.beat();
      await promoted;
      expect(await primary()).toBe(keyId);
      await Promise.all([first.stop(), second.stop()]);
      expect(await fleet.instances(keyring.id)).toEqual([]);
    });

    it('does not wait for instances that are gone, and refuses when nobody lives', async () => {
      const { keyring, copy, beats, age, fleet, primary } = await fixture();
      const [first, second] = [beats(keyring), beats(copy)];
      await first.start();
      await second.start();
      const keyId = await keyring.addKey();
      await first.beat();
      await age(second, 31_000);
      expect((await fleet.instances(keyring.id)).map(({ id, live }) => [id, live])).toEqual([
        [first.id, true],
        [second.id, false],
      ]);
      await age(first, 31_000);
      await expect(fleet.promote(keyring, keyId)).rejects.toThrow('no live instance');
      await first.beat();
      await fleet.promote(keyring, keyId);
      expect(await primary()).toBe(keyId);
      // Whoever was silent for a day is forgotten.
      await age(second, DAY_MS);
      await first.beat();
      expect((await fleet.instances(keyring.id)).map(({ id }) => id)).toEqual([first.id]);
      await Promise.all([first.stop(), second.stop()]);
    });

    it('acknowledges nothing when the keyring cannot be read, or belongs to others', async () => {
      const { test, keyring, beats, fleet } = await fixture();
      const broken = {
        id: keyring.id,
        generation: 99,
        describe: () => Promise.reject(new Error('disk')),
      };
      const instance = new Heartbeat({ database: test.database, keyring: broken });
      await expect(instance.start()).rejects.toThrow('disk');
      expect(await fleet.instances(keyring.id)).toEqual([]);
      const stranger = new Heartbeat({
        database: test.database,
        keyring: { id: 'another', generation: 99, describe: async () => undefined },
      });
      await stranger.start();
      await expect(fleet.acknowledged(keyring)).rejects.toEqual(typedError('ERR_FLEET_BEHIND'));
      await stranger.stop();
      const away: SqlDatabase = { ...test.database, execute: () => Promise.reject(new Error('secret of a driver')) };
      const error = await beats(keyring, away)
        .beat()
        .catch((thrown: unknown) => thrown);
      expect(error).toEqual(typedError('ERR_JOB_DATABASE'));
      expect((error as Error).message).not.toContain('secret');
    });

    it('beats in the background, one beat at a time, and tells of those that fail', async () => {
      const { test, keyring, fleet } = await fixture();
      let fail = false;
      const failed: unknown[] = [];
      let more: () => void = () => undefined;
      const told = new Promise<void>((resolve) => {
        more = resolve;
      });
      const own = { id: keyring.id, generation: 1, describe: async () => void (fail && expect.unreachable()) };
      const instance = new Heartbeat({
        database: test.database,
        keyring: own,
        everyMs: 100,
        failed: (error) => {
          failed.push(error);
          more();
        },
      });
      await instance.start();
      await instance.start(); // no second timer
      fail = true;
      await told;
      await instance.stop();
      expect(failed.length).toBeGreaterThan(0);
      expect(await fleet.instances(keyring.id)).toEqual([]);
    });

    it('destroys a key when nobody writes under it and no cell is left', async () => {
      const { test, keyring, copy, ship, beats, fleet, primary } = await fixture();
      await test.clear();
      const source = test.source('Patient', { fields: ['email'] });
      const values = ids(2).map((id) => `('${id}', 'Ada', '2026-01-02 03:04:05.678901')`);
      await test.run(`INSERT INTO "patients of 'today'" ("id", "name", "updatedAt") VALUES ${values.join(', ')}`);
      await seal(source, keyring, await rowsOf(source), 'email', () => 'a');
      const old = (await primary()) as string;
      await keyring.rotate();
      await keyring.disable(old);
      await keyring.scheduleDestroy(old);
      await ship();
      const instance = beats(copy);
      await instance.start();
      const refused = (sources = [source]) => fleet.destroy(keyring, old, sources);
      await expect(refused([])).rejects.toEqual(typedError('ERR_OPTIONS'));
      await expect(refused()).rejects.toThrow('2 values');
      await test.run(`UPDATE "patients of 'today'" SET "email" = 'fs1:damaged'`);
      await expect(refused()).rejects.toThrow('2 values');
      await test.run(`UPDATE "patients of 'today'" SET "email" = NULL`);
      await expect(refused()).rejects.toEqual(typedError('ERR_KEY_STATUS')); // the waiting time
      await keyring.addKey();
      await expect(refused()).rejects.toEqual(typedError('ERR_FLEET_BEHIND'));
      await instance.stop();
    });

    it.each([
      [
        'a beat that is too fast',
        () => new Heartbeat({ database: opened().database, keyring: {} as Keyring, everyMs: 1 }),
      ],
      ['an instance that is never live', () => new Fleet(opened().database, { liveMs: 0 })],
    ])('refuses %s', (_, make) => {
      expect(make).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
    });
  });
}
