import { FieldsealError } from '../errors.ts';
import type { AeadEngine, EngineName } from './engine.ts';
import { nativeEngine } from './native.ts';
import { nobleEngine } from './noble.ts';
import { selfTest } from './self-test.ts';
import { simdEngine } from './simd/engine.ts';

const ENGINES: Readonly<Record<EngineName, AeadEngine>> = {
  noble: nobleEngine,
  native: nativeEngine,
  simd: simdEngine,
};

/** Fastest first. */
const PREFERENCE: readonly EngineName[] = ['simd', 'native', 'noble'];

const usable = new Map<EngineName, boolean>();

/**
 * The engine to use: the named one, or with `auto` the fastest that works here. An engine is used only after it gave the published answers
 * and agreed with the reference engine on random messages of every suite, once per process.
 *
 * @throws ERR_ENGINE when the named engine is unknown or fails its self-test
 */
export function selectEngine(name: EngineName | 'auto' = 'auto'): AeadEngine {
  const candidates = name === 'auto' ? PREFERENCE : [name];
  for (const candidate of candidates) {
    const engine = Object.hasOwn(ENGINES, candidate) ? ENGINES[candidate] : undefined;
    if (engine !== undefined && works(engine)) return engine;
  }
  throw new FieldsealError('ERR_ENGINE', `no encryption engine works here (asked for: ${name})`);
}

function works(engine: AeadEngine): boolean {
  const known = usable.get(engine.name);
  if (known !== undefined) return known;
  const result = selfTest(engine);
  usable.set(engine.name, result);
  return result;
}
