import { cellTextPrefix } from '@fieldseal/core';
import { count, plural, table } from '../screen.ts';
import { claim, countCells, type Step } from '../step.ts';

const REWRITTEN = 10;

/** A new key version: new writes use it, old rows stay readable. */
export const rotation: Step = {
  name: 'rotation',
  title: 'Rotation: a new key version encrypts, the old ones still decrypt',
  run: async ({ prisma, clinic, keyring }) => {
    const keyId = await keyring.rotate();
    const patients = await prisma.patient.findMany({ take: REWRITTEN, orderBy: { id: 'asc' } });
    for (const { id, name, phone, address, notes } of patients) {
      await prisma.patient.update({ where: { id }, data: { name, phone, address, notes } });
    }
    const [scope] = (await keyring.describe()).keysets;
    const { versions, primary } = claim(scope, 'the keyring has keys').data;
    const keys = await Promise.all(
      versions.map(async ({ version, keyId, suite, status, created }) => ({
        version,
        keyId,
        status,
        primary: keyId === primary,
        created,
        cells: await countCells(clinic, cellTextPrefix(suite, keyId)),
      })),
    );
    claim(
      keys.some((key) => key.keyId === keyId && key.primary && key.cells > 0),
      'the new key encrypts',
    );
    const read = await prisma.patient.findMany({ include: { visits: true } });
    claim(
      read.every(({ name }) => !name.startsWith('fs1:')),
      'all rows are readable',
    );
    // One version is added by every run; the last ones tell enough.
    const shown = keys.slice(-4);
    const lines = [
      ...table(
        [
          ['version', 'key id', 'status', '', 'cells'],
          ...shown.map((key) => [
            String(key.version),
            key.keyId,
            key.status,
            key.primary ? 'primary' : '',
            count(key.cells),
          ]),
        ],
        [4],
      ),
      `${plural(patients.length, 'patient')} rewritten under version ${versions.length}; all ${plural(read.length, 'patient')} read, under every version`,
    ];
    return { lines, json: { keys, rewritten: patients.length, read: read.length } };
  },
};
