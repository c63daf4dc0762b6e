import { encryption } from '../../src/index.ts';
import type { PrismaClient } from '../generated/postgresql-client/client.ts';

/** The client that the programs of this folder use, of every database and generator in turn. */
export function extend(client: PrismaClient) {
  return client.$extends(encryption());
}

/** Its type. */
export type Db = ReturnType<typeof extend>;

/** True for two types that are the same, and not only assignable to each other. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles when the types of both values are the same. */
export declare function same<A, B>(a: A, b: B, ...proof: Same<A, B> extends true ? [] : [never]): void;

/** A value of a type. */
export declare function a<T>(): T;
