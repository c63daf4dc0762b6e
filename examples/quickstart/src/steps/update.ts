import { short, table } from '../screen.ts';
import { anyPatient, claim, type Step, storedRow } from '../step.ts';

/** An update, and the old value again: the same text gives another cell. */
export const update: Step = {
  name: 'update',
  title: 'Update, and back: the same address is another cell each time it is written',
  run: async ({ prisma, clinic }) => {
    const { id, address } = await anyPatient(prisma);
    const stored = async () => (await storedRow(clinic, 'Patient', id))['address'];
    const before = await stored();
    const changed = await prisma.patient.update({ where: { id }, data: { address: '1 Example Street, 00000' } });
    claim(changed.address === '1 Example Street, 00000', 'the new address is read back');
    const during = await stored();
    const restored = await prisma.patient.update({ where: { id }, data: { address } });
    claim(restored.address === address, 'the old address is read back');
    const after = await stored();
    claim(address === null || before !== after, 'no two cells are alike');
    const states = [
      { value: address, cell: before },
      { value: changed.address, cell: during },
      { value: restored.address, cell: after },
    ];
    // What differs stands behind the header, which names suite and key.
    const lines = table(states.map(({ value, cell }) => [short(value, 34), short(cell, 48)]));
    return { lines, json: { states } };
  },
};
