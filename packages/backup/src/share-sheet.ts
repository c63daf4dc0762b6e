import type { SecretBytes } from '@fieldseal/core';
import encodeQR from 'qr';
import { escaped, printedPage } from './page.ts';
import type { ShareSetFile } from './share-set-file.ts';
import { formatShare, shareWords } from './share-text.ts';
import { readLabel } from './shares.ts';

/** The page of a holder, to print: the share as text, as words and as a QR code, and what it is for. As secret as the share. */
export function shareSheet(share: SecretBytes, set: ShareSetFile): string {
  const { index, count, threshold, setId } = readLabel(share);
  const text = formatShare(share);
  const [first, second] = shareWords(share);
  const holder = set.holders.find((known) => known.index === index)?.name ?? '';
  return printedPage(
    `Recovery share ${index} of ${count}`,
    `<p>For <b>${escaped(holder)}</b>. Any ${threshold} of the ${count} shares of this set open the keyring and its backups; fewer show nothing. Keep this page
where nobody else finds it, and not together with another share. Say at once when it is lost or was seen.</p>
<table>
<tr><th>Set</th><td><code>${setId}</code></td></tr>
<tr><th>Made</th><td>${escaped(set.created)}</td></tr>
<tr><th>Commitment</th><td><code>${escaped(set.commitment)}</code></td></tr>
<tr><th>Recipient of backups</th><td><code>${escaped(set.recipient)}</code></td></tr>
</table>
<h2>The share</h2>
<p><code>${text}</code></p>
${encodeQR(text, 'svg', { ecc: 'medium' })}
<h2>The same in words</h2>
<pre>${numbered(first, 0)}</pre>
<pre>${numbered(second, 24)}</pre>
<h2>Now</h2>
<p>Prove that it can be read: <code>npx fieldseal shares verify --set shares-${setId}.json</code> reads the text or the words from standard input and shows
a proof, which is no secret. Hand the proof over; the set is not used before every holder has.</p>
<h2>In a disaster</h2>
<p><code>npx fieldseal shares combine --set shares-${setId}.json --backup latest --apply</code> reads ${threshold} shares, one a line, from standard input.</p>`,
  );
}

/** Words with their numbers, six a line. */
function numbered(words: string, before: number): string {
  const list = words.split(' ').map((word, at) => `${String(before + at + 1).padStart(2)} ${word.padEnd(9)}`);
  const lines = Array.from({ length: Math.ceil(list.length / 6) }, (_, at) => list.slice(at * 6, at * 6 + 6).join(' '));
  return lines.join('\n');
}
