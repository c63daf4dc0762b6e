import { readFileSync } from 'node:fs';
import { newCanary, scanBytes } from '@fieldseal/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IndexLeakage, Leakage } from '../src/doctor/leakage/leakage.ts';
import { Project, type Provider, type ShownFinding } from './doctor-project.ts';
import { openTarget, startServer, stopServers, type Target } from './doctor-target.ts';
import { type Outcome, parsed } from './harness.ts';
import { fillTable, leakageSchema, patients, ROWS } from './leakage-project.ts';

afterAll(stopServers);

interface Shown {
  readonly code: number;
  readonly leakage: Leakage;
  readonly findings: readonly ShownFinding[];
}

function shown(outcome: Outcome): Shown {
  const report = parsed(outcome) as unknown as Omit<Shown, 'code'>;
  return { ...report, code: outcome.code };
}

const found = ({ findings }: Shown): string[] =>
  findings.filter(({ id }) => id.startsWith('leakage.')).map(({ id, place }) => `${id} ${place}`);

describe.each<Provider>(['sqlite', 'postgresql', 'mysql'])('%s', (provider) => {
  let project: Project;
  let target: Target;
  let report: Shown;
  const index = (name: string): IndexLeakage =>
    report.leakage.indexes.find((one) => one.index === `Patient.${name}`) as IndexLeakage;

  beforeAll(async () => {
    await startServer(provider);
    project = new Project();
    project.schema(leakageSchema(provider));
    target = await openTarget(provider, project);
    project.env['DATABASE_URL'] = target.url;
    await fillTable(target, provider, await project.keyring(), patients());
    report = shown(await project.doctor('--leakage', '--json'));
  });
  afterAll(async () => {
    await target?.close();
    project?.remove();
  });

  test('every value behind a term is read, whatever the column, the type and the binding', () => {
    for (const { index: name, rows, unreadable } of report.leakage.indexes)
      expect([name, rows, unreadable]).toEqual([name, ROWS, 0]);
    const cities = new Set(patients().map(({ city }) => city)).size;
    const values = Object.fromEntries(report.leakage.indexes.map((one) => [one.index, one.values]));
    expect(values).toMatchObject({
      'Patient.cityIndex': cities,
      'Patient.cityFlat': cities,
      'Patient.cityStart': 1,
      'Patient.bloodIndex': 4,
      'Patient.ageIndex': 20,
      'Patient.badgeIndex': ROWS,
    });
  });

  test('kinds with one term a row are read from their columns', () => {
    expect(index('cityIndex').terms).toBe(index('cityIndex').values);
    expect(index('cityFlat').terms).toBeGreaterThan(3 * (index('cityFlat').values as number));
    expect(index('bothIndex')).toMatchObject({ kind: 'compound', of: ['city', 'blood'] });
    expect(index('ageIndex')).toMatchObject({ kind: 'range', termsPerRow: 1, countEntropy: 0 });
  });

  test('the attack recovers skewed values, fewer where they are spread, and no unique ones', () => {
    const [plain, flat, badge] = ['cityIndex', 'cityFlat', 'badgeIndex'].map((name) => index(name).recovery);
    expect(plain?.informed).toBeGreaterThan((plain?.baseline as number) + 0.05);
    expect(flat?.uninformed).toBeLessThan((plain?.uninformed as number) / 4);
    expect(flat?.informed).toBeGreaterThan(flat?.uninformed as number);
    expect(badge).toEqual({ informed: 0, uninformed: 0, baseline: 0 });
    expect(index('badgeIndex')).toMatchObject({ trials: [], advice: { acceptable: true, annotation: null } });
    expect(index('cityIndex').trials.length).toBeGreaterThan(5);
  });

  test('few values are an error, a recovered index is a warning, and what is neither is not mentioned', () => {
    expect(report.code).toBe(8);
    expect(found(report)).toEqual(
      expect.arrayContaining([
        'leakage.low-cardinality Patient.bloodIndex',
        'leakage.low-cardinality Patient.cityStart',
        'leakage.recovered Patient.cityIndex',
      ]),
    );
    expect(found(report).join()).not.toContain('badgeIndex');
  });

  if (provider === 'postgresql')
    test('terms of n-grams are made from the values, and each counts by itself', () => {
      const grams = index('cityGrams');
      expect(grams).toMatchObject({ kind: 'ngram', rows: ROWS });
      // ` To`, `Tow`, `own`, `wn-`, `n-0` are in every row, `-0x` and `0xy` tell the towns apart.
      expect(grams.largestShare).toBeCloseTo(1 / 7, 2);
      expect(grams.terms).toBe(grams.values);
      expect(grams.termsPerRow).toBe(7);
      expect(grams.countEntropy).toBe(0);
      expect(grams.recovery?.informed).toBeGreaterThan(grams.recovery?.baseline as number);
    });

  test('lengths are those of the payloads, and of the padded ones', () => {
    const fields = Object.fromEntries(report.leakage.fields.map((one) => [one.field, one]));
    expect(fields['Patient.city']).toMatchObject({ cells: ROWS, pad: null, lengths: 1, entropy: 0, suggested: null });
    expect(fields['Patient.blood']).toMatchObject({ cells: ROWS, pad: 16, lengths: 1 });
    expect(fields['Patient.age']).toMatchObject({ cells: ROWS, lengths: 2 });
    // `badge 0` to `badge 599`.
    expect(fields['Patient.badge']).toMatchObject({ cells: ROWS, lengths: 3 });
    // Each grows to 16 bytes: badges have 7, 8 and 9, ages 1 and 2.
    const added = (10 * 9 + 90 * 8 + 500 * 7) / ROWS;
    expect(fields['Patient.badge']?.paddings[0]?.addedBytes).toBeCloseTo(added, 10);
    expect(fields['Patient.city']?.paddings[0]?.addedBytes).toBe(16 - ' Town-000'.length);
  });
});

describe('on one database', () => {
  const canary = newCanary('leakage').slice(0, 20);
  let project: Project;
  let target: Target;

  beforeAll(async () => {
    project = new Project();
    project.schema(leakageSchema('sqlite'));
    target = await openTarget('sqlite', project);
    project.env['DATABASE_URL'] = target.url;
    const rows = patients((city) => `${canary}-${city}`);
    await fillTable(target, 'sqlite', await project.keyring(), rows);
  });
  afterAll(async () => {
    await target?.close();
    project?.remove();
  });

  const doctor = async (...argv: string[]): Promise<Shown> =>
    shown(await project.doctor('--leakage', '--json', ...argv));
  const one = ({ leakage }: Shown, name: string): IndexLeakage =>
    leakage.indexes.find(({ index }) => index === `Patient.${name}`) as IndexLeakage;

  test('no value and no term is shown, as text, as JSON or on the page', async () => {
    const text = await project.doctor('--leakage', '--html', 'report.html');
    const json = await project.doctor('--leakage', '--json');
    const page = readFileSync('report.html');
    expect(page.toString()).toContain('Patient.cityIndex');
    const all = Buffer.concat([Buffer.from(text.stdout + text.stderr + json.stdout + json.stderr), page]);
    expect(scanBytes(all, [canary])).toEqual([]);
    const stored = await target.rows(
      'SELECT "city", "cityIndex", "cityFlat", "bothIndex", "badgeIndex" FROM "Patient"',
    );
    const secrets = stored.flat().map((value) => String(value).split(/[.:]/).at(-1) as string);
    expect(secrets).toHaveLength(5 * ROWS);
    expect(secrets.filter((secret) => all.includes(secret.slice(0, 24)))).toEqual([]);
    expect(text.stdout).toMatch(/^ {2}Patient\.cityIndex +equality +600 /m);
  });

  test('statistics of the user take the place of the half that is known', async () => {
    const counts = new Map<string, number>();
    for (const { city } of patients((at) => `${canary}-${at}`)) counts.set(city, (counts.get(city) ?? 0) + 1);
    // Spelled as the normalisers of the index make equal.
    const lines = [...counts].map(([city, count]) => `" ${city.toUpperCase()} ",${count}`);
    project.write('Patient.cityIndex.csv', lines.join('\n'));
    const exact = await doctor('--statistics', 'Patient.cityIndex.csv');
    expect(exact.leakage.statistics).toEqual(['Patient.cityIndex']);
    const [known, half] = [one(exact, 'cityIndex'), one(await doctor(), 'cityIndex')].map(({ recovery }) => recovery);
    expect(known?.informed).toBeGreaterThan(half?.informed as number);
    project.write('Patient.cityIndex.csv', 'Nowhere,9\nElsewhere,1');
    expect(one(await doctor('--statistics', 'Patient.cityIndex.csv'), 'cityIndex').recovery?.informed).toBe(0);
  });

  test('statistics of values that are none of the type are left out', async () => {
    project.write('Patient.ageIndex.csv', 'old,900\n12,1');
    expect(one(await doctor('--statistics', 'Patient.ageIndex.csv'), 'ageIndex').recovery?.baseline).toBeGreaterThan(0);
  });

  test.each([
    ['Patient.nothing.csv', 'has the name of no index'],
    ['Patient.bothIndex.csv', 'over several fields'],
  ])('statistics called %s are wrong usage', async (name, message) => {
    project.write(name, 'x,1');
    const { code, stderr } = await project.doctor('--leakage', '--statistics', name);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  test.each([
    [['--html', 'x.html'], '--html needs --leakage'],
    [['--statistics', 'x.csv'], '--statistics needs --leakage'],
    [['--leakage', '--no-database'], '--leakage needs the database'],
  ])('%j is wrong usage', async (argv, message) => {
    const { code, stderr } = await project.doctor(...argv);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  test('a page that cannot be written ends with 6', async () => {
    expect((await project.doctor('--leakage', '--html', 'no/such/folder/x.html')).code).toBe(6);
  });

  test('without --leakage nothing is measured', async () => {
    expect(parsed(await project.doctor('--json'))).not.toHaveProperty('leakage');
  });

  test('without a key the terms are counted, few of them are an error, and the attack is said not to be run', async () => {
    const { FIELDSEAL_KEY, ...env } = project.env;
    delete project.env['FIELDSEAL_KEY'];
    const closed = await doctor();
    Object.assign(project.env, env, { FIELDSEAL_KEY });
    expect(one(closed, 'bloodIndex')).toMatchObject({ rows: ROWS, terms: 4, values: null, recovery: null });
    expect(one(closed, 'cityFlat')).toMatchObject({ values: null, expectedCollisions: null, trials: [] });
    expect(found(closed)).toContain('leakage.low-cardinality Patient.bloodIndex');
    expect(found(closed)).toContain('leakage.unmeasured Patient.cityIndex');
    expect(closed.findings.map(({ id }) => id)).toContain('keyring.closed');
  });

  test('allowLeakage takes the error and the warning away, and the numbers stay', async () => {
    const allowed = leakageSchema('sqlite')
      .replace('(of: blood)', '(of: blood, allowLeakage: "needed for the blood bank")')
      .replace('(of: city, normalize', '(of: city, allowLeakage: "cities are on the invoice", normalize');
    project.schema(allowed);
    const borne = await doctor();
    project.schema(leakageSchema('sqlite'));
    expect(found(borne)).not.toContain('leakage.low-cardinality Patient.bloodIndex');
    expect(found(borne)).not.toContain('leakage.recovered Patient.cityIndex');
    expect(one(borne, 'bloodIndex')).toMatchObject({ allowed: 'needed for the blood bank', values: 4 });
    expect(one(borne, 'bloodIndex').recovery).not.toBeNull();
  });

  test('a normaliser that only the application has leaves the terms to be counted', async () => {
    project.schema(leakageSchema('sqlite').replace('normalize: [trim, lowercase]', 'normalize: ["townCode@1"]'));
    const unknown = await doctor();
    project.schema(leakageSchema('sqlite'));
    expect(one(unknown, 'cityIndex')).toMatchObject({ rows: ROWS, values: null, recovery: null });
    expect(found(unknown)).toContain('leakage.unmeasured Patient.cityIndex');
    expect(found(unknown)).not.toContain('leakage.unmeasured Patient.cityFlat');
  });

  test('a sample is all that is read, and below a hundred rows nothing is judged', async () => {
    const few = await doctor('--sample', '99');
    expect(one(few, 'bloodIndex')).toMatchObject({ rows: 99, recovery: null });
    expect(found(few).filter((id) => !id.startsWith('leakage.unmeasured'))).toEqual([]);
    const more = await doctor('--sample', '100');
    expect(one(more, 'bloodIndex')).toMatchObject({ rows: 100, values: 4 });
    expect(found(more)).toContain('leakage.low-cardinality Patient.bloodIndex');
  });

  test('cells that do not open are counted and left out: moved, damaged, plaintext, missing', async () => {
    await target.run(`UPDATE "Patient" SET "city" = (SELECT "city" FROM "Patient" WHERE "id" = 9) WHERE "id" = 1`);
    await target.run(`UPDATE "Patient" SET "city" = 'plain' WHERE "id" = 2`);
    await target.run(`UPDATE "Patient" SET "city" = substr("city", 1, 60) WHERE "id" = 3`);
    await target.run(`UPDATE "Patient" SET "city" = NULL WHERE "id" = 4`);
    const partly = await doctor();
    expect(one(partly, 'cityIndex')).toMatchObject({ rows: ROWS, unreadable: 4 });
    expect(one(partly, 'cityIndex').recovery?.informed).toBeGreaterThan(0.1);
    expect(one(partly, 'bothIndex').unreadable).toBe(4);
    expect(one(partly, 'badgeIndex').unreadable).toBe(0);
  });

  test('a column that is not there is said not to be measured, and the others are', async () => {
    await target.run('ALTER TABLE "Patient" DROP COLUMN "cityFlat"');
    const without = await doctor();
    expect(without.leakage.indexes.map(({ index }) => index)).not.toContain('Patient.cityFlat');
    expect(without.findings).toContainEqual(expect.objectContaining({ id: 'rows.unread', place: 'Patient.cityFlat' }));
    expect(one(without, 'cityIndex').recovery).not.toBeNull();
  });
});

test('rows of many scopes are counted and not judged: their keys are not the application’s', async () => {
  const project = new Project();
  try {
    project.schema(leakageSchema('sqlite', ['  /// @scope', '  tenant String']));
    const target = await openTarget('sqlite', project);
    project.env['DATABASE_URL'] = target.url;
    const keyring = await project.keyring();
    await keyring.addScope('acme');
    await fillTable(target, 'sqlite', keyring, patients(), 'acme');
    await target.run(`ALTER TABLE "Patient" ADD COLUMN tenant TEXT NOT NULL DEFAULT 'acme'`);
    await target.close();
    const report = shown(await project.doctor('--leakage', '--json'));
    expect(report.leakage.indexes.length).toBeGreaterThan(5);
    for (const { index, rows, unreadable, terms, values, recovery, advice } of report.leakage.indexes) {
      expect([index, rows, unreadable, values, recovery]).toEqual([index, ROWS, 0, null, null]);
      expect(terms).toBeGreaterThan(0);
      expect(advice).toMatchObject({ tooFew: false, bitsByRows: null, bitsByValues: null });
    }
    expect(new Set(found(report).map((line) => line.split(' ')[0]))).toEqual(new Set(['leakage.unmeasured']));
  } finally {
    project.remove();
  }
});
