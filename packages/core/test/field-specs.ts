import type { ColumnType, FieldSpec, IndexSpec } from '../src/field-spec.ts';
import type { ValueType } from '../src/value.ts';

/** An encrypted field for tests. */
export function fieldSpec(
  type: ValueType = 'String',
  column: ColumnType = 'String',
  pad: number | null = null,
): FieldSpec {
  return { model: 'Patient', field: 'notes', context: { model: 'Patient', field: 'notes' }, column, type, pad };
}

/** A blind index over a field. */
export function indexSpec(source: FieldSpec = fieldSpec(), options: Partial<IndexSpec> = {}): IndexSpec {
  return { model: 'Patient', column: 'notesIndex', name: 'eq', source, normalize: [], bits: 128, ...options };
}
