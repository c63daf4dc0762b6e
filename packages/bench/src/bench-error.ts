/** Something went wrong that the message explains fully. */
export class BenchError extends Error {
  override readonly name = 'BenchError';
}
