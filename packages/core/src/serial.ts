/** Runs asynchronous work one after another, in the order in which it was asked for. A failure is its asker's and stops nobody else. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  /** Starts `work` when all work before it has ended. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
