import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** The page, and the policy under which a browser may run it. */
export interface Page {
  readonly html: string;
  readonly policy: string;
}

/**
 * The page with its styles and scripts in it, uPlot's included: it loads nothing else. Its policy allows exactly these by their hashes, requests
 * to the server it came from, and nothing besides.
 */
export function readPage(): Page {
  const own = (name: string): string => readFileSync(new URL(`../page/${name}`, import.meta.url), 'utf8');
  const { resolve } = createRequire(import.meta.url);
  const plot = (name: string): string => readFileSync(resolve(`uplot/dist/${name}`), 'utf8');
  const styles = [plot('uPlot.min.css'), own('dashboard.css')];
  const modules = ['elements.js', 'parts.js', 'charts.js', 'dashboard.js'].map((name) => joined(own(name)));
  const scripts = [plot('uPlot.iife.min.js'), `(() => {\n${modules.join('')}})();`];
  // A function, since `$` means something in a replacement.
  const html = own('dashboard.html')
    .replace('<!-- styles -->', () => styles.map((text) => `<style>${text}</style>`).join('\n'))
    .replace('<!-- scripts -->', () => scripts.map((text) => `<script>${text}</script>`).join('\n'));
  const hashes = (texts: readonly string[]): string => texts.map((text) => `'sha256-${sha256(text)}'`).join(' ');
  const policy = [
    "default-src 'none'",
    `script-src ${hashes(scripts)}`,
    `style-src ${hashes(styles)}`,
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return { html, policy };
}

/** A module of the page as a part of one script: they stand in the order in which they import each other, and share their names. */
function joined(module: string): string {
  return module.replaceAll(/^import [^;]*;$/gm, '').replaceAll(/^export /gm, '');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
