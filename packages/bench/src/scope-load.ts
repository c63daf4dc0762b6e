/** Share of the load that the share of the busiest scopes has: 80 % to 20 %, and among those again. */
const EXPONENT: number = Math.log(0.8) / Math.log(0.2);

/**
 * Scopes as requests name them: of a fifth come four fifths of all, and of a fifth of that fifth four fifths of those (the self-similar
 * distribution of Gray et al., SIGMOD 1994). The same sequence in every run.
 */
export function paretoScopes(count: number): () => string {
  const names = Array.from({ length: count }, (_, at) => `tenant-${at}`);
  let state = 42;
  return () => {
    // Lehmer's generator with the multiplier of Park and Miller: a benchmark needs no more.
    state = (state * 48_271) % 2_147_483_647;
    return names[Math.floor(count * (state / 2_147_483_647) ** (1 / EXPONENT))] as string;
  };
}
