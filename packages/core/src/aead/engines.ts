import { randomBytes } from 'node:crypto';
import { NONCE_BYTES } from '../cell.ts';
import { FieldsealError } from '../errors.ts';
import { KEY_BYTES } from '../kdf.ts';
import { SUITES, type SuiteId } from '../suite.ts';
import type { AeadEngine, AeadMessage, EngineName } from './engine.ts';
import { nativeEngine } from './native.ts';
import { nobleEngine } from './noble.ts';

const ENGINES: Readonly<Record<EngineName, AeadEngine>> = { noble: nobleEngine, native: nativeEngine };

/** Fastest first. */
const PREFERENCE: readonly EngineName[] = ['native', 'noble'];

const usable = new Map<EngineName, boolean>();

/**
 * The engine to use: the named one, or with `auto` the fastest that works here. An engine is used only after it agreed with the
 * reference engine on a random message of every suite, once per process.
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

/** Whether an engine gives the bytes of the reference engine, opens them, and refuses them with one bit flipped. */
export function selfTest(engine: AeadEngine): boolean {
  try {
    return (Object.keys(SUITES) as readonly string[]).every((id) => agrees(engine, Number(id) as SuiteId));
  } catch {
    return false; // for example OpenSSL built without ChaCha20
  }
}

function agrees(engine: AeadEngine, suite: SuiteId): boolean {
  const random = { suite, key: randomBytes(KEY_BYTES), nonce: randomBytes(NONCE_BYTES), aad: randomBytes(9) };
  const message: AeadMessage = { ...random, data: randomBytes(77) };
  const [sealed] = engine.encrypt([message]);
  const [expected] = nobleEngine.encrypt([message]);
  if (sealed === undefined || expected === undefined || Buffer.compare(sealed, expected) !== 0) return false;
  const [opened] = engine.decrypt([{ ...message, data: sealed }]);
  const forged = Uint8Array.from(sealed);
  forged[3] = (forged[3] as number) ^ 1;
  const [refused] = engine.decrypt([{ ...message, data: forged }]);
  return opened != null && Buffer.compare(opened, message.data) === 0 && refused === null;
}
