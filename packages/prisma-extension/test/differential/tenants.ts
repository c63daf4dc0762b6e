/**
 * Runs random steps of two tenants on one encrypted database, and each tenant's on a plain database of its own.
 *
 * Whatever a tenant does, also to rows of the other that it names by id, must leave the other's rows as they are, byte for byte, and must give
 * what it gives where there is no other tenant.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { encryption } from '../../src/index.ts';
import { freshKeyring, type Target } from '../harness.ts';
import { type Call, type Step, step } from './calls.ts';
import { type Opener, openTables, outcome, shown, state } from './comparison.ts';
import type { RuntimeClient } from './runtime-client.ts';
import { schemaText, TENANT, termTableNames } from './schema-text.ts';
import { type Shape, schemaOf } from './shape.ts';

const TENANTS = ['a', 'b'] as const;

type Tenant = (typeof TENANTS)[number];

/** Operations that may count rows of the other tenant, give what is not encrypted in them, or be refused for one: a scope is no filter of what is read. */
const READS = /^(?:find|count|aggregate|groupBy)/;

/** Arguments that name rows which are there, and those inside of them that make rows. */
const NAMING: readonly string[] = ['where', 'connect', 'disconnect', 'set', 'delete', 'deleteMany', 'cursor'];
const MAKING: readonly string[] = ['create', 'data', 'update'];

/** What was run. */
export interface TenantCounts {
  operations: number;
  refused: number;
  /** Steps that named a row of the other tenant. */
  foreign: number;
}

/**
 * Runs `operations` random operations over random schemas; fails with the schema and the fewest turns that show a difference. On SQLite
 * without DateTime: Prisma 7.10 writes it in two spellings there, and compares them as text.
 */
export async function compareTenants(
  database: Target['database'],
  opener: Opener,
  { operations, perSchema, seed }: { readonly operations: number; readonly perSchema: number; readonly seed: number },
): Promise<TenantCounts> {
  const counts: TenantCounts = { operations: 0, refused: 0, foreign: 0 };
  for (let at = 0; counts.operations < operations; at++) {
    const [shapes] = fc.sample(schemaOf(database), { numRuns: 1, seed: seed + at }) as [readonly Shape[]];
    if (database === 'sqlite' && shapes.some(({ fields }) => fields.some(({ type }) => type === 'DateTime'))) continue;
    try {
      await compareSchema({ database, shapes, opener }, { seed: seed + at, operations: perSchema, counts });
    } catch (error) {
      (error as Error).message +=
        `\n\nseed of the schema: ${seed + at}\n${schemaText(database, shapes, 'encrypted', TENANT)}`;
      throw error;
    }
  }
  return counts;
}

interface Setting {
  readonly database: Target['database'];
  readonly shapes: readonly Shape[];
  readonly opener: Opener;
}

interface Plan {
  readonly seed: number;
  readonly operations: number;
  readonly counts: TenantCounts;
}

async function compareSchema(setting: Setting, { seed, operations, counts }: Plan): Promise<void> {
  const { database, shapes, opener } = setting;
  const shared = await openTables(database, shapes, 'encrypted', opener, TENANT);
  const keyring = await freshKeyring();
  const alone = {
    a: await openTables(database, shapes, 'plain', opener, 'a'),
    b: await openTables(database, shapes, 'plain', opener, 'b'),
  };
  const clientOf = (scope: Tenant) =>
    encryption({ keyring, scope })(shared.client as never) as unknown as RuntimeClient;
  const clients = { a: clientOf('a'), b: clientOf('b') };
  const turn = fc.record({ tenant: fc.constantFrom(...TENANTS), step: step(shapes, database).map(withoutReads) });
  const turns = fc.array(turn, { minLength: 20, maxLength: 60, size: 'max' });
  const property = fc.asyncProperty(turns, async (all) => {
    await Promise.all([shared.clear(), alone.a.clear(), alone.b.clear()]);
    for (const { tenant, step: drawn } of all.filter((next) => next.step.calls.length > 0)) {
      const next = ofTenant(drawn, tenant);
      counts.operations += next.calls.length;
      if (JSON.stringify(next.calls, printed).includes(`"${otherOf(tenant)}-`)) counts.foreign++;
      const before = await rowsOf(otherOf(tenant), shared.client, setting);
      const ours = await outcome(clients[tenant], next, shapes);
      const after = await rowsOf(otherOf(tenant), shared.client, setting);
      if (!isDeepStrictEqual(before, after))
        throw new Error(`rows of another tenant changed:\n${shown({ tenant, next, ours, before, after })}`);
      if (ours.refused !== undefined) {
        counts.refused++;
        continue;
      }
      const theirs = await outcome(alone[tenant].client, next, shapes);
      if (next.calls.every(({ operation }) => !READS.test(operation)) && !isDeepStrictEqual(ours, theirs))
        throw new Error(`alone, the tenant has another result:\n${shown({ tenant, next, alone: theirs, ours })}`);
    }
    for (const tenant of TENANTS) {
      const ours = await state(clients[tenant], shapes, { tenantId: tenant });
      const theirs = await state(alone[tenant].client, shapes);
      if (!isDeepStrictEqual(ours, theirs))
        throw new Error(`alone, the tenant has other rows:\n${shown({ tenant, alone: theirs, ours })}`);
    }
  });
  const until = counts.operations + operations;
  for (let run = 0; counts.operations < until; run++)
    await fc.assert(property, { numRuns: 1, seed: seed * 1000 + run, interruptAfterTimeLimit: 30_000 });
  await Promise.all([shared.close(), alone.a.close(), alone.b.close()]);
  keyring.close();
}

const otherOf = (tenant: Tenant): Tenant => (tenant === 'a' ? 'b' : 'a');

const printed = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value);

/** What is read within a batch is opened when the batch is committed: a refusal leaves its writes, as on any client. */
function withoutReads(drawn: Step): Step {
  if (drawn.kind !== 'batch') return drawn;
  return { kind: 'batch', calls: drawn.calls.filter(({ operation }) => !READS.test(operation)) };
}

/** The step with ids of a tenant; what names rows names some of the other tenant's too. */
function ofTenant({ kind, calls }: Step, tenant: Tenant): Step {
  const mine = (value: unknown, naming: boolean): unknown => {
    if (typeof value === 'string' && /^r[1-5]$/.test(value))
      return naming && value >= 'r4' ? `${otherOf(tenant)}-r${Number(value[1]) - 3}` : `${tenant}-${value}`;
    if (Array.isArray(value)) return value.map((item) => mine(item, naming));
    if (typeof value !== 'object' || value === null || ![Object.prototype, null].includes(Object.getPrototypeOf(value)))
      return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        mine(member, NAMING.includes(name) || (naming && !MAKING.includes(name))),
      ]),
    );
  };
  return {
    kind,
    calls: calls.map((call): Call => ({ ...call, args: mine(call.args, false) as Call['args'] })),
  } as Step;
}

/** The stored rows of a tenant, with their terms and links, as the database has them. */
async function rowsOf(tenant: Tenant, client: RuntimeClient, { database, shapes }: Setting): Promise<unknown> {
  const quote = (name: string) => (database === 'mysql' ? `\`${name}\`` : `"${name}"`);
  const read = (table: string, column: string, order: string) =>
    client.$queryRawUnsafe(
      `SELECT * FROM ${quote(table)} WHERE ${quote(column)} LIKE '${tenant}-%' ORDER BY ${order.split(' ').map(quote).join(', ')}`,
    );
  const all: unknown[] = [];
  for (const shape of shapes) {
    all.push(await read(shape.name, 'id', 'id'));
    for (const table of termTableNames(shape)) all.push(await read(table, 'rowId', 'id'));
    for (const { name, label } of shape.relations)
      if (name === 'peers') for (const end of ['A', 'B']) all.push(await read(`_${label}`, end, 'A B'));
  }
  return all;
}
