import { KERNEL } from './module.ts';

/** What the module exports; `count` is a number of descriptors. */
interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  seal(count: number): void;
  open(count: number): void;
  /** Decodes, opens and scans; 0 when a text is not canonical. */
  read(count: number): number;
  scan(count: number): void;
  stamp(count: number, header: number, nonces: number): void;
  decode(count: number): void;
  encode(count: number): void;
  keys(count: number): void;
  macs(count: number): void;
  wipe(secrets: number, secretsEnd: number, slotsEnd: number): void;
}

/** The part of the global WebAssembly that is used; a runtime may lack it, or forbid to compile. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

/** Methods of Buffer that no documentation names: they skip the parsing of arguments, which costs more than the work on a short field. */
interface FastBuffer {
  utf8Write(text: string, at: number): number;
  utf8Slice(from: number, to: number): string;
  latin1Slice(from: number, to: number): string;
}

/** The compiled kernel and views of its memory. One per thread; nothing may run between filling the memory and wiping it. */
export interface Kernel extends KernelExports {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  /** Writes UTF-8 and gives the number of bytes. Three bytes per character must have room. */
  writeText(text: string, at: number): number;
  /** Reads bytes that are known to be ASCII. */
  readAscii(from: number, to: number): string;
  /** Reads bytes that are known to be UTF-8. */
  readUtf8(from: number, to: number): string;
}

let loaded: Kernel | undefined;

/**
 * The kernel of this thread, compiled at the first call. Throws where WebAssembly with SIMD does not run; the self-test of the engine turns
 * that into the choice of another one.
 */
export function kernel(): Kernel {
  loaded ??= load();
  return loaded;
}

function load(): Kernel {
  const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyApi };
  const module = new WebAssembly.Module(Buffer.from(KERNEL, 'base64'));
  const exports = new WebAssembly.Instance(module).exports as KernelExports;
  const { buffer } = exports.memory;
  return { ...exports, ...codec(Buffer.from(buffer)), bytes: new Uint8Array(buffer), words: new Uint32Array(buffer) };
}

/** The codecs of Buffer over the memory: the short ways where they are there, else the documented ones. */
export function codec(buffer: Buffer): Pick<Kernel, 'writeText' | 'readAscii' | 'readUtf8'> {
  const fast = buffer as Buffer & Partial<FastBuffer>;
  if (fast.utf8Write === undefined || fast.utf8Slice === undefined || fast.latin1Slice === undefined)
    return {
      writeText: (text, at) => buffer.write(text, at, 'utf8'),
      readAscii: (from, to) => buffer.toString('latin1', from, to),
      readUtf8: (from, to) => buffer.toString('utf8', from, to),
    };
  // Called as methods: through call() they take a fifth longer.
  const short = fast as Buffer & FastBuffer;
  return {
    writeText: (text, at) => short.utf8Write(text, at),
    readAscii: (from, to) => short.latin1Slice(from, to),
    readUtf8: (from, to) => short.utf8Slice(from, to),
  };
}
