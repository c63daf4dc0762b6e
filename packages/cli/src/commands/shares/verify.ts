import { provenShare } from '@fieldseal/backup';
import { usage } from '../../arguments.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { checkSet, HOLDER_OPTIONS, SET_OPTIONS, setOf, sharesOf } from './request.ts';

/** `fieldseal shares verify` */
export const sharesVerify: Command = {
  name: 'shares verify',
  summary: 'prove that a share can be read, as its holder',
  details: [
    'Reads the share from --share, which may be the encrypted file, or from standard input: its text, or its words in one line. What is shown is no secret:\n' +
      'a proof that only the holder of this share can give.',
  ],
  positionals: [],
  options: {
    ...SET_OPTIONS,
    share: { value: 'file', help: 'file with the share; standard input by default' },
    ...HOLDER_OPTIONS,
  },
  audit: 'none',
  run: verify,
};

async function verify(input: CommandInput): Promise<Report> {
  const { set } = await setOf(sharesVerify, input);
  await checkSet(input, set, true);
  const [share, ...more] = await sharesOf(input, 'share');
  if (share === undefined || more.length > 0) throw usage(sharesVerify, 'one share is verified at a time');
  try {
    const { index, proof } = provenShare(share, set);
    return {
      lines: [
        ...table([
          ['set', set.setId],
          ['share', `${index} of ${set.count}, for ${set.holders[index - 1]?.name ?? ''}`],
          ['proof', proof],
        ]),
        '',
        'Hand the proof to whoever activates the set. The share stays with you.',
      ],
      json: { setId: set.setId, index, proof },
    };
  } finally {
    share.wipe();
  }
}
