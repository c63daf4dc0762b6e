import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FieldsealTestError, type RedisService, startRedis } from '../src/index.ts';

/** Sends commands in one connection and resolves to all that the server answered. */
function talk(url: string, ...commands: string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(`${[...commands, 'QUIT'].join('\r\n')}\r\n`));
    socket.setEncoding('utf8').on('data', (text) => {
      answer += text;
    });
    socket.once('close', () => resolve(answer));
    socket.once('error', reject);
  });
}

describe('startRedis', () => {
  let redis: RedisService;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());

  it('starts a server that keeps values', async () => {
    expect(await talk(redis.url, 'PING', 'SET fieldseal:test one', 'GET fieldseal:test')).toBe(
      '+PONG\r\n+OK\r\n$3\r\none\r\n+OK\r\n',
    );
  });

  it('uses a given server and leaves it running', async () => {
    const given = await startRedis({ env: { TEST_REDIS_URL: redis.url } });
    expect(given).toMatchObject({ source: 'url', url: redis.url });
    await given.stop();
    expect(await talk(redis.url, 'PING')).toContain('+PONG');
  });

  it('starts servers that know nothing of each other', async () => {
    const other = await startRedis();
    try {
      if (redis.source === 'url') return;
      await talk(redis.url, 'SET fieldseal:here yes');
      expect(await talk(other.url, 'EXISTS fieldseal:here')).toContain(':0');
    } finally {
      await other.stop();
      await other.stop();
    }
    await expect(talk(other.url, 'PING')).rejects.toThrow();
  });
});

it.each([
  ['url', 'TEST_REDIS_URL is not set'],
  ['docker', 'DOCKER_HOST is not set'],
  ['local', 'no redis-server in TEST_REDIS_BIN'],
])('says why the forced source %s has no server, and only that', async (source, reason) => {
  const env = { TEST_SERVICES: source, TEST_REDIS_BIN: '/nowhere' };
  const failure = (await startRedis({ env }).catch((error: unknown) => error)) as FieldsealTestError;
  expect(failure).toBeInstanceOf(FieldsealTestError);
  expect(failure.message).toContain(`TEST_SERVICES=${source} allows no other source`);
  expect(failure.message).toContain(`  ${source}: ${reason}`);
  expect(failure.message.match(/^ {2}\w+: /gm)).toHaveLength(1);
  expect(failure.message).toContain('apt-get install redis-server');
});

it('refuses a source that does not exist', async () => {
  await expect(startRedis({ env: { TEST_SERVICES: 'cloud' } })).rejects.toThrow(
    'TEST_SERVICES must be one of url, docker, local',
  );
});
