import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SEARCH_KINDS } from '../src/search/kinds.ts';
import { patientsFrom } from '../src/search/patients.ts';

describe('patients', () => {
  it('are the same however they are asked for', () => {
    expect([...patientsFrom(0, 700), ...patientsFrom(700, 300)]).toEqual(patientsFrom(0, 1000));
    expect(patientsFrom(5, 1)).toEqual(patientsFrom(0, 6).slice(5));
  });

  it('have names of two words, none twice, and days of birth in the range of the index', () => {
    const patients = patientsFrom(0, 20_000);
    expect(new Set(patients.map(({ name }) => name)).size).toBe(20_000);
    const strange = patients.filter(
      ({ name, born }) =>
        !/^[a-z]{8} [a-z]{8}$/.test(name) ||
        !/^(?:19[5-9]|20[0-2])\d-\d\d-\d\dT00:00:00\.000Z$/.test(born.toISOString()),
    );
    expect(strange).toEqual([]);
  });

  it('begin and end in many ways: parts of names tell rows apart', () => {
    const patients = patientsFrom(0, 10_000);
    expect(new Set(patients.map(({ name }) => name.slice(0, 5))).size).toBeGreaterThan(8_000);
    expect(new Set(patients.map(({ name }) => name.slice(-5))).size).toBeGreaterThan(8_000);
  });
});

describe('kinds of search', () => {
  const schema = (name: string): string =>
    readFileSync(new URL(`../prisma/postgresql/${name}/schema.prisma`, import.meta.url), 'utf8');

  it.each(SEARCH_KINDS)('$name has its models in both schemas, and its column of terms in ours', (kind) => {
    expect(schema('search-plain')).toContain(`model ${kind.table} {`);
    const [, model = ''] = new RegExp(`model ${kind.table} \\{([^}]*)\\}`).exec(schema('search')) ?? [];
    expect(model).toMatch(new RegExp(`@blindIndex\\(.*\\n +${kind.terms.column} +String`));
    expect(model.includes('String[]')).toBe(kind.terms.type === 'TEXT[]');
    expect(model.includes(`@@index([${kind.terms.column}]`)).toBe(true);
  });

  it('ask for a patient in a way that is true of the patient', () => {
    const [patient] = patientsFrom(3, 1) as [ReturnType<typeof patientsFrom>[number]];
    const parts = JSON.stringify(SEARCH_KINDS.map((kind) => kind.where(patient)));
    const texts = [...parts.matchAll(/"(?:name|startsWith|endsWith|contains)":"([^"]+)"/g)].map(
      ([, text]) => text as string,
    );
    expect(texts.length).toBe(7);
    for (const text of texts) expect(patient.name).toContain(text);
  });
});
