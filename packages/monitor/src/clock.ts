/** The time, and how to wait: passed in, so that tests need no real time. */
export interface Clock {
  /** Unix time in ms. */
  now(): number;
  /** Resolves after `ms` ms, and keeps no process alive. */
  sleep(ms: number): Promise<void>;
  /** Calls `task` every `ms` ms until the returned function is called, and keeps no process alive. */
  every(ms: number, task: () => void): () => void;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref()),
  every: (ms, task) => {
    const timer = setInterval(task, ms).unref();
    return () => clearInterval(timer);
  },
};
