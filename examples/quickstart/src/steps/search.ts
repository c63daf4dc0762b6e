import { table } from '../screen.ts';
import { anyPatient, claim, type Step } from '../step.ts';

/** Equality searches through the blind indexes, with other spellings than the stored ones. */
export const search: Step = {
  name: 'search',
  title: 'Search on encrypted fields',
  run: async ({ prisma }) => {
    const patient = await anyPatient(prisma);
    const email = `  ${patient.email.toUpperCase()} `;
    const byEmail = claim(
      await prisma.patient.findUnique({ where: { email } }),
      'the patient is found by e-mail address',
    );
    claim(byEmail.id === patient.id, 'it is the same patient');
    const found = [{ query: `findUnique({ where: { email: '${email}' } })`, result: byEmail.name }];
    if (patient.phone !== null) {
      const phone = patient.phone.replaceAll(/\D/g, '');
      const byPhone = await prisma.patient.findMany({ where: { phone } });
      claim(
        byPhone.some(({ id }) => id === patient.id),
        'the patient is found by phone number',
      );
      found.push({
        query: `findMany({ where: { phone: '${phone}' } })`,
        result: byPhone.map(({ name }) => name).join(', '),
      });
    }
    return { lines: table(found.map(({ query, result }) => [query, `→ ${result}`])), json: { found } };
  },
};
