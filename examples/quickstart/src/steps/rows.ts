import { short, table } from '../screen.ts';
import { anyPatient, claim, ENCRYPTED_COLUMNS, type Step, storedRow } from '../step.ts';

const FIELDS = ['id', 'name', 'email', 'emailIndex', 'phone', 'phoneIndex', 'address', 'notes', 'city'] as const;

/** The same row twice. */
export const rows: Step = {
  name: 'row',
  title: 'One row, as the application sees it and as the database holds it',
  run: async ({ prisma, clinic }) => {
    const seen = await anyPatient(prisma);
    const stored = await storedRow(clinic, 'Patient', seen.id);
    for (const field of ENCRYPTED_COLUMNS['Patient'] ?? []) {
      const cell = stored[field];
      claim(cell === null || (typeof cell === 'string' && cell.startsWith('fs1:')), `Patient.${field} holds cells`);
    }
    const lines = table([
      ['', 'application', 'database'],
      ...FIELDS.map((field) => [field, short(seen[field], 40), short(stored[field], 48)]),
    ]);
    return { lines, json: { application: seen, database: stored } };
  },
};
