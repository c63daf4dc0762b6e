/** How often a clock that jumps does so, in ms. */
const EVERY_MS = 40;

/**
 * Lets the clock of this process jump to and fro by so many ms, as libfaketime would: dates only, timers and monotonic clocks stay right. Leases and
 * waiting times of a job must not depend on it.
 */
export function jumpingClock(shiftMs: number): void {
  const { now } = Date;
  const shifted = (): number => now() + (Math.floor(performance.now() / EVERY_MS) % 2 === 0 ? shiftMs : 0);
  globalThis.Date = new Proxy(Date, {
    construct: (real, given) => Reflect.construct(real, given.length === 0 ? [shifted()] : given),
    get: (real, name) => (name === 'now' ? shifted : Reflect.get(real, name)),
  });
}
