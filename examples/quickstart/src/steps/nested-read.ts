import { short, table } from '../screen.ts';
import { anyPatient, claim, type Step, type Tour } from '../step.ts';

/** Encrypted fields of three models in one query. */
export const nestedRead: Step = {
  name: 'nestedRead',
  title: 'Nested read: patient → visits → practitioner, every level decrypted',
  run: async ({ prisma }) => {
    const patient = await patientWithVisit(prisma);
    const visits = patient.visits.map(({ day, reason, findings, practitioner }) => ({
      day: day.toISOString().slice(0, 10),
      reason,
      findings,
      practitioner: practitioner.name,
      licence: practitioner.licence,
    }));
    claim(
      visits.every(({ reason, licence }) => !`${reason}${licence}`.includes('fs1:')),
      'nested fields are decrypted',
    );
    const lines = [
      patient.name,
      ...table(
        visits.map(({ day, reason, findings, practitioner, licence }) => [
          `  ${day}`,
          reason,
          short(findings ?? '-', 34),
          practitioner,
          licence,
        ]),
      ),
    ];
    return { lines, json: { patient: patient.name, visits } };
  },
};

const include = { visits: { include: { practitioner: true }, orderBy: { day: 'asc' } } } as const;

/** Imported people come without visits: one is then written the same way, nested. */
async function patientWithVisit(prisma: Tour['prisma']) {
  const found = await prisma.patient.findFirst({ where: { visits: { some: {} } }, include, orderBy: { id: 'asc' } });
  if (found !== null) return found;
  const { id } = await anyPatient(prisma);
  const practitioner = {
    create: { name: 'Dr Ada Example', specialty: 'General practice', licence: 'LIC-0000-XMPL-00' },
  };
  const visit = {
    day: new Date('2026-11-02'),
    reason: 'Example visit',
    findings: 'Written by the tour.',
    practitioner,
  };
  return prisma.patient.update({ where: { id }, data: { visits: { create: visit } }, include });
}
