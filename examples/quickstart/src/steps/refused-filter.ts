import { isFieldsealError } from '@fieldseal/prisma';
import { claim, type Step } from '../step.ts';

/** A filter that ciphertext cannot serve: an error, rather than no rows. */
export const refusedFilter: Step = {
  name: 'refusedFilter',
  title: 'A filter that encryption cannot serve is refused before any SQL',
  run: async ({ prisma }) => {
    const query = "findMany({ where: { notes: { contains: 'penicillin' } } })";
    // The types of the client refuse it too: it does not compile without the cast.
    const where = { notes: { contains: 'penicillin' } } as never;
    const error = await prisma.patient.findMany({ where }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!isFieldsealError(error, 'ERR_UNSUPPORTED_FILTER')) throw error ?? claim(false, 'the filter is refused');
    const { code, message, hint } = error;
    // The message ends with the hint, which gets a line of its own.
    const lines = [query, `✗ ${message.replace(hint, '').trim()}`, `  ${hint}`];
    return { lines, json: { query, code, message, hint } };
  },
};
