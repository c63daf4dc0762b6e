/** Text for HTML. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A page to print, complete in itself: nothing is loaded, and nothing can be. */
export function printedPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>
body { font: 11pt/1.45 system-ui, sans-serif; max-width: 48em; margin: 2em auto; color: #000; background: #fff }
code, pre { font: 10pt/1.5 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap }
table { border-collapse: collapse; width: 100% } td, th { border: 1px solid #999; padding: .35em .6em; text-align: left; vertical-align: top }
svg { width: 60mm; height: 60mm } .blank { min-width: 18em; height: 1.6em } h1 { font-size: 16pt } h2 { font-size: 12pt; margin-top: 1.4em }
@media print { body { margin: 0 } h2, tr, svg { break-inside: avoid } }
</style>
<h1>${escaped(title)}</h1>
${body}
</html>
`;
}
