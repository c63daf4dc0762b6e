import { defineIndex, type IndexDefinition } from '../src/blind-index/define-index.ts';
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
export function indexSpec(source: FieldSpec = fieldSpec(), options: Partial<IndexDefinition> = {}): IndexSpec {
  return defineIndex({ model: 'Patient', column: 'notesIndex', name: 'eq', sources: [source], ...options });
}
