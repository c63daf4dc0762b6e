import type { KeyWrapper } from '@fieldseal/core';
import { KekRing } from '@fieldseal/core/internal';

/** KEKs that are slow until they are restored. */
export interface SlowKeks {
  /** How often one unwrapped. */
  unwraps: number;
  restore(): void;
}

/** Makes every KEK of this process as slow as one in a key service, so that keyrings treat it as one. */
export function slowKeks(ms: number): SlowKeks {
  const { get } = KekRing.prototype;
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const keks: SlowKeks = {
    unwraps: 0,
    restore: () => {
      KekRing.prototype.get = get;
    },
  };
  KekRing.prototype.get = function (this: KekRing, ...which) {
    const inner = get.apply(this, which);
    const slow: KeyWrapper = {
      id: inner.id,
      wrap: (key, context) => pause().then(() => inner.wrap(key, context)),
      unwrap: (wrapped, context) => {
        keks.unwraps++;
        return pause().then(() => inner.unwrap(wrapped, context));
      },
    };
    return slow as ReturnType<typeof get>;
  };
  return keks;
}
