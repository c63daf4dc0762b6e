import { expect, test } from 'vitest';
import { story } from '../src/story.ts';

test('the application starts by its TPM, not by another one, and by the recovery key after a loss', async () => {
  const lines: string[] = [];
  const outcome = await story((line) => lines.push(line));
  expect(outcome).toMatchObject({ restarted: true, stolen: 'ERR_TPM_SRK_MISMATCH', recovered: true });
  expect(lines).toHaveLength(4);
});
