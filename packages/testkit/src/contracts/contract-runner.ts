/** What a contract suite needs of a test runner: vitest, jest, mocha and node:test all have it. */
export interface ContractRunner {
  /** Groups tests. */
  readonly describe: (name: string, body: () => void) => unknown;
  /** Declares a test, which fails when its promise is rejected. */
  readonly it: (name: string, test: () => Promise<void>) => unknown;
}
