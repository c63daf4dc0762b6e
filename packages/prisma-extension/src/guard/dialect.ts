/** How the SQL of a database is spelled, as far as the guard must know. */
export interface Dialect {
  /** Characters that open a quoted name, and those that close it. */
  readonly names: Readonly<Record<string, string>>;
  /** Characters that a text stands in. */
  readonly texts: string;
  /** Whether a backslash escapes in every text. */
  readonly backslash: boolean;
  /** Whether one escapes in E'…', which goes on in a text on a later line; elsewhere `e` is a name. */
  readonly escapeTexts: boolean;
  /** Whether U&"…" is a name with escapes. */
  readonly unicodeNames: boolean;
  /** White space beside that of ASCII. */
  readonly spaces: string;
  /** Whether a block comment may hold another. */
  readonly nestedComments: boolean;
  /** Whether `#` opens a comment to the end of the line. */
  readonly hashComments: boolean;
  /** Whether a carriage return alone ends such a comment, and one behind `--`. */
  readonly returnEndsComment: boolean;
  /** Whether comments that begin with `!` are executed, by some versions. */
  readonly executableComments: boolean;
  /** Whether statements stand behind one another only with a semicolon between them. */
  readonly semicolons: boolean;
  /** Whether `$tag$…$tag$` is a text. */
  readonly dollarTexts: boolean;
  /** Whether `--` opens a comment only before white space. */
  readonly spacedDashes: boolean;
  /**
   * Characters that open a parameter. Its place is the `next` one if no number follows, the `number` behind it (`$1`, `@P1`), or that of its
   * first mention (`named`); a `variable` has none.
   */
  readonly parameters: Readonly<Record<string, 'next' | 'number' | 'named' | 'variable'>>;
  /** Whether `0x…` are bytes; elsewhere it is a number. */
  readonly hexBytes: boolean;
  /** Operators that compare. */
  readonly comparisons: ReadonlySet<string>;
  /** Whether a quoted name is that name in exactly this case. */
  readonly exactNames: boolean;
}

const COMPARISONS = ['=', '==', '<>', '!=', '<', '<=', '>', '>=', '<=>'];

const SQLITE: Dialect = {
  names: { '"': '"', '`': '`', '[': ']' },
  texts: "'",
  backslash: false,
  escapeTexts: false,
  unicodeNames: false,
  spaces: '\ufeff',
  nestedComments: false,
  hashComments: false,
  returnEndsComment: false,
  executableComments: false,
  semicolons: true,
  dollarTexts: false,
  spacedDashes: false,
  parameters: { '?': 'next', $: 'named', '@': 'named', ':': 'named' },
  hexBytes: false,
  comparisons: new Set(COMPARISONS),
  exactNames: false,
};

/** By the `provider` of a driver adapter. Servers are taken to run in their usual SQL modes. */
const DIALECTS: Readonly<Record<string, Dialect>> = {
  sqlite: SQLITE,
  postgres: {
    ...SQLITE,
    names: { '"': '"' },
    escapeTexts: true,
    unicodeNames: true,
    spaces: '',
    nestedComments: true,
    returnEndsComment: true,
    dollarTexts: true,
    parameters: { $: 'number' },
    comparisons: new Set([
      ...COMPARISONS,
      ...['~', '~*', '!~', '!~*', '~~', '!~~', '~~*', '!~~*', '@>', '<@', '&&', '@@', '?', '?|', '?&', '^@'],
      ...['~<~', '~<=~', '~>~', '~>=~'],
    ]),
    exactNames: true,
  },
  mysql: {
    ...SQLITE,
    names: { '`': '`' },
    texts: `'"`,
    backslash: true,
    spaces: '',
    hashComments: true,
    executableComments: true,
    spacedDashes: true,
    parameters: { '?': 'next', '@': 'variable' },
    hexBytes: true,
  },
  sqlserver: {
    ...SQLITE,
    names: { '"': '"', '[': ']' },
    spaces: '\u00a0\ufeff',
    nestedComments: true,
    semicolons: false,
    parameters: { '@': 'number' },
    hexBytes: true,
  },
};

/** The dialect of a driver adapter's provider, or undefined for one that the guard does not know. */
export function dialectOf(provider: unknown): Dialect | undefined {
  return typeof provider === 'string' && Object.hasOwn(DIALECTS, provider) ? DIALECTS[provider] : undefined;
}
