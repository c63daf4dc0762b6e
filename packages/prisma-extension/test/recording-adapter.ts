/** A statement that reached a driver: its text and its parameters. */
export interface Recorded {
  readonly sql: string;
  readonly args: readonly unknown[];
}

type Method = (...args: never[]) => unknown;

/** Methods that give an adapter or a transaction, whose statements count too. */
const OPENING: readonly PropertyKey[] = ['connect', 'connectToShadowDb', 'startTransaction'];

/** A driver-adapter factory that notes every statement before it passes it on, whichever client or transaction sends it. */
export function recording<Factory extends object>(factory: Factory, statements: Recorded[]): Factory {
  return new Proxy(factory, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const method = (value as Method).bind(target) as (...args: unknown[]) => unknown;
      if (name === 'queryRaw' || name === 'executeRaw') {
        return (statement: Recorded) => {
          statements.push(statement);
          return method(statement);
        };
      }
      if (name === 'executeScript') {
        return (sql: string) => {
          statements.push({ sql, args: [] });
          return method(sql);
        };
      }
      if (OPENING.includes(name))
        return async (...args: unknown[]) => recording((await method(...args)) as object, statements);
      return method;
    },
  });
}
