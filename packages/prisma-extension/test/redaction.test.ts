import { inspect } from 'node:util';
import { FieldsealError } from '@fieldseal/core';
import { describe, expect, it } from 'vitest';
import { redacted, redacting } from '../src/redaction.ts';

const CANARY = 'canary-5b1d7c';

/** An error as Prisma makes it. */
function prismaError(name: string, message: string, more: object = {}): Error {
  class Named extends Error {}
  const error = Object.assign(new Named(message), { clientVersion: '7.10.0', ...more });
  error.name = name;
  error.stack = `${name}: ${message}\n    at run (file.ts:1:1)`;
  return error;
}

const validation = (reason: string) =>
  prismaError(
    'PrismaClientValidationError',
    `\nInvalid \`db.user.create()\` invocation in\n/app/a.ts:1:1\n\n→ 1 db.user.create({\n    email: "${CANARY}"\n  })\n\n${reason}`,
  );

const shown = (error: unknown) =>
  [inspect(error, { depth: 10, showHidden: true }), JSON.stringify(error), (error as Error).stack].join('\n');

describe('validation errors keep their reason, and nothing else', () => {
  it.each([
    'Argument `name`: Invalid value provided. Expected String or Null, provided Int.',
    'Argument `name` is missing.',
    'Argument `name` must not be null.',
    'Argument `where` of type UserWhereUniqueInput needs at least one of `id` or `email` arguments. Available options are marked with ?.',
    'Unknown argument `nmae`. Did you mean `name`? Available options are marked with ?.',
    'Unknown field `nmae` for select statement on model `User`. Available options are marked with ?.',
    'Please either use `include` or `select`, but not both at the same time.',
    'The `select` statement for type User must not be empty. Available options are marked with ?.',
    'The omit statement includes every field of the model User. At least one field must be included in the result',
  ])('%s', (reason) => {
    const error = redacted(validation(reason)) as Error;
    expect(error).toMatchObject({ name: 'PrismaClientValidationError', message: reason, clientVersion: '7.10.0' });
    expect(error.stack).toBe(`PrismaClientValidationError: ${reason}\n    at run (file.ts:1:1)`);
    expect(shown(error)).not.toContain(CANARY);
  });

  it('also in colours', () => {
    const coloured =
      'Argument `\u001b[1mname\u001b[22m`: Invalid value provided. Expected \u001b[32mString\u001b[39m, provided Int.';
    expect((redacted(validation(coloured)) as Error).message).toBe(
      'Argument `name`: Invalid value provided. Expected String, provided Int.',
    );
  });

  it.each([
    [
      `Invalid value for argument \`born\`: '${CANARY}' is no date. Expected ISO-8601 DateTime.`,
      'Invalid value for argument `born`. Expected ISO-8601 DateTime.',
    ],
    [
      `Invalid value for argument \`born\`: ${CANARY}. Expected Date or Int.`,
      'Invalid value for argument `born`. Expected Date or Int.',
    ],
    [`Invalid value for argument \`role\`. Expected Role.`, 'Invalid value for argument `role`. Expected Role.'],
    [`Invalid value for selection field \`posts\`: ${CANARY}`, 'Invalid value for selection field `posts`'],
    [
      `Unable to fit value ${CANARY} into a 64-bit signed integer for field \`age\``,
      'Unable to fit the value into a 64-bit signed integer for field `age`',
    ],
    [`Something new about ${CANARY}`, 'The arguments are not valid.'],
    [`Something new about\n\n${CANARY}`, 'The arguments are not valid.'],
    [`Argument \`name\` is missing.\nBut there was ${CANARY}`, 'Argument `name` is missing.'],
    ['', 'The arguments are not valid.'],
  ])('a reason that quotes a value loses it: %s', (reason, expected) => {
    const error = redacted(validation(reason)) as Error;
    expect(error.message.startsWith(expected)).toBe(true);
    expect(shown(error)).not.toContain(CANARY);
  });
});

describe('errors of the database keep codes and names', () => {
  const cause = {
    originalCode: '1062',
    originalMessage: `Duplicate entry '${CANARY}' for key 'User_emailIndex_key'`,
    kind: 'UniqueConstraintViolation',
    constraint: { index: 'User_emailIndex_key', fields: ['email'], detail: CANARY },
    column: CANARY, // raw SQL in the wrong quotes makes a value a column
    table: CANARY,
  };

  it('known ones', () => {
    const meta = { modelName: 'User', driverAdapterError: { name: 'DriverAdapterError', cause }, message: CANARY };
    const error = redacted(prismaError('PrismaClientKnownRequestError', `x ${CANARY}`, { code: 'P2002', meta }));
    expect(error).toMatchObject({
      name: 'PrismaClientKnownRequestError',
      code: 'P2002',
      clientVersion: '7.10.0',
      message: 'Prisma error P2002',
    });
    expect((error as { meta?: unknown }).meta).toEqual({
      modelName: 'User',
      driverAdapterError: {
        cause: {
          originalCode: '1062',
          kind: 'UniqueConstraintViolation',
          constraint: { index: 'User_emailIndex_key', fields: ['email'] },
        },
      },
    });
    expect(shown(error)).not.toContain(CANARY);
  });

  it.each([
    undefined,
    null,
    'text',
    { target: { value: CANARY } },
    { target: [{ value: CANARY }] },
    { cause: [CANARY] },
  ])('with meta %j', (meta) => {
    const error = redacted(prismaError('PrismaClientKnownRequestError', CANARY, { code: 'P2000', meta }));
    expect(shown(error)).not.toContain(CANARY);
  });

  it('keep the constraint where it is a text or a list', () => {
    const meta = { target: ['email'], constraint: 'User_email_key', field_name: 'orgId' };
    const error = redacted(prismaError('PrismaClientKnownRequestError', CANARY, { code: 'P2002', meta }));
    expect((error as { meta?: unknown }).meta).toEqual(meta);
  });

  it('keep what the guard below the client says', () => {
    const meta = { model: 'User', field: 'email' };
    const error = redacted(prismaError('PrismaClientKnownRequestError', CANARY, { code: 'ERR_PLAINTEXT', meta }));
    expect(error).toMatchObject({ code: 'ERR_PLAINTEXT', meta });
    expect(shown(error)).not.toContain(CANARY);
  });

  it('unknown ones', () => {
    const error = redacted(prismaError('PrismaClientUnknownRequestError', CANARY)) as Error;
    expect(error.message).toBe('The database refused the query.');
    expect(shown(error)).not.toContain(CANARY);
  });

  it('a stack without the message is dropped', () => {
    const error = prismaError('PrismaClientUnknownRequestError', CANARY);
    error.stack = `cut short ${CANARY.slice(0, 9)}`;
    expect((redacted(error) as Error).stack).toBe('PrismaClientUnknownRequestError: The database refused the query.');
  });
});

describe('everything else stays as it is', () => {
  it.each([
    ['an error of ours', new FieldsealError('ERR_VALUE', 'a value')],
    ['an error of the application', new TypeError(CANARY)],
    ['one that only has the name', Object.assign(new Error(CANARY), { name: 'PrismaClientValidationError' })],
    ['a text', CANARY],
    ['nothing', undefined],
  ])('%s', async (_, error) => {
    expect(redacted(error)).toBe(error);
    await expect(redacting(() => Promise.reject(error as Error))).rejects.toBe(error);
  });

  it('results pass, and errors that are thrown at once are freed too', async () => {
    const result = {};
    expect(await redacting(async () => result)).toBe(result);
    const thrown = redacting(() => {
      throw prismaError('PrismaClientUnknownRequestError', CANARY);
    });
    await expect(thrown).rejects.toThrow('The database refused the query.');
  });
});
