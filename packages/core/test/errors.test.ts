import { describe, expect, it } from 'vitest';
import { decryptError, ERROR_CODES, FieldsealError, isFieldsealError } from '../src/errors.ts';

describe('FieldsealError', () => {
  it.each(ERROR_CODES)('%s is upper case, and has a hint that says what to do', (code) => {
    const error = new FieldsealError(code, 'it happened');
    expect(code).toMatch(/^ERR_[A-Z]+(_[A-Z]+)*$/);
    expect(error.hint).toMatch(/^[A-Z].{15,}\.$/);
    expect(error.message).toBe(`it happened [${code}]. ${error.hint}`);
  });

  it('lists its codes once', () => {
    expect(new Set(ERROR_CODES).size).toBe(ERROR_CODES.length);
    expect(ERROR_CODES.length).toBeGreaterThan(20);
  });

  it('names model and field in its message and as members', () => {
    const error = new FieldsealError('ERR_VALUE', 'no', {
      model: 'User',
      field: 'email',
      keyId: '00',
      hint: 'Do this.',
    });
    expect(error.message).toBe('no (User.email) [ERR_VALUE]. Do this.');
    expect(error).toMatchObject({
      name: 'FieldsealError',
      code: 'ERR_VALUE',
      model: 'User',
      field: 'email',
      keyId: '00',
    });
    expect(new FieldsealError('ERR_VALUE', 'no', { model: 'User', hint: 'Do.' }).message).toBe(
      'no (User) [ERR_VALUE]. Do.',
    );
    expect(new FieldsealError('ERR_VALUE', 'no', { field: 'email', hint: 'Do.' }).message).toBe('no [ERR_VALUE]. Do.');
  });

  it('is an Error with a stack, and with a cause only where one was given', () => {
    const cause = new Error('disk');
    expect(new FieldsealError('ERR_KEYRING_IO', 'no', { cause }).cause).toBe(cause);
    const bare = new FieldsealError('ERR_KEYRING_IO', 'no');
    expect('cause' in bare).toBe(false);
    expect(bare).toBeInstanceOf(Error);
    expect(bare.stack).toContain('errors.test.ts');
  });
});

describe('isFieldsealError', () => {
  it('knows an error by its code', () => {
    const error = new FieldsealError('ERR_VALUE', 'no');
    expect(isFieldsealError(error)).toBe(true);
    expect(isFieldsealError(error, 'ERR_VALUE')).toBe(true);
    expect(isFieldsealError(error, 'ERR_DECRYPT')).toBe(false);
  });

  it('knows an error of another copy of the package', () => {
    const foreign = Object.assign(new Error('no'), { name: 'FieldsealError', code: 'ERR_VALUE' });
    expect(isFieldsealError(foreign, 'ERR_VALUE')).toBe(true);
  });

  it.each([
    undefined,
    null,
    'ERR_VALUE',
    { name: 'FieldsealError', code: 'ERR_VALUE' },
    new Error('ERR_VALUE'),
    Object.assign(new Error('no'), { code: 'ENOENT' }),
    Object.assign(new Error('no'), { name: 'FieldsealError' }),
  ])('refuses %s', (other) => {
    expect(isFieldsealError(other)).toBe(false);
  });
});

describe('decryptError', () => {
  it('says the same whatever the reason', () => {
    expect(decryptError({}).message).toBe(decryptError({ keyId: 'be6edbca880fc191' }).message);
    expect(decryptError({ keyId: 'be6edbca880fc191' })).toMatchObject({
      code: 'ERR_DECRYPT',
      keyId: 'be6edbca880fc191',
    });
  });
});
