import { existsSync } from 'node:fs';
import { type ServiceEnvironment, SourceUnavailable } from './service-source.ts';

const SOCKET = '/var/run/docker.sock';

/** Whether a container engine was announced. It is not asked: that would cost seconds where none answers. */
export function hasDockerEngine(env: ServiceEnvironment): boolean {
  return Boolean(env['DOCKER_HOST']) || existsSync(SOCKET);
}

/** @throws SourceUnavailable if no container engine was announced */
export function requireDockerEngine(env: ServiceEnvironment): void {
  if (!hasDockerEngine(env)) throw new SourceUnavailable(`DOCKER_HOST is not set and there is no ${SOCKET}`);
}
