import { AsyncLocalStorage } from 'node:async_hooks';

const actors = new AsyncLocalStorage<string>();

/**
 * Runs `work`, and everything that it starts, on behalf of an actor: a user, a service, a job. A use policy sees the name.
 *
 * @example
 * ```ts
 * app.use((request, response, next) => withActor(request.user.id, next));
 * ```
 */
export function withActor<T>(actor: string, work: () => T): T {
  return actors.run(actor, work);
}

/** Who the running code works for; undefined outside of {@link withActor}. */
export function currentActor(): string | undefined {
  return actors.getStore();
}
