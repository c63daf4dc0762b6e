import type { EncryptedNode } from '../schema/compiled-schema.ts';

/**
 * A value that the column of a field may hold and that is no cell. A comparison with it is false for every cell and, as any comparison in SQL,
 * unknown for NULL: `equals` it is a filter that nothing satisfies, `not` it one that all values do.
 */
export function noCell({ spec }: EncryptedNode): string | Uint8Array {
  return spec.column === 'Bytes' ? new Uint8Array(0) : 'fs1:';
}
