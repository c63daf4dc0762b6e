import { story } from './story.ts';

try {
  await story((line) => process.stdout.write(`${line}\n`));
} catch (error) {
  process.stderr.write(`tpm: ${error instanceof Error ? error.message : 'an unforeseen error'}\n`);
  process.exitCode = 1;
}
