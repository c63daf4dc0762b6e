import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { FieldsealTestError, type SwtpmService, startSwtpm } from '../src/index.ts';

const running: SwtpmService[] = [];
afterEach(async () => {
  for (const service of running.splice(0)) await service.stop();
});

async function start(options?: Parameters<typeof startSwtpm>[0]): Promise<SwtpmService> {
  const service = await startSwtpm(options);
  running.push(service);
  return service;
}

/** TPM2_ReadClock, whose reset count tells two boots apart. */
const READ_CLOCK = Buffer.from('80010000000a00000181', 'hex');

async function resetCount(service: SwtpmService): Promise<number> {
  const socket = service.socket ?? connect(service.path as string);
  socket.write(READ_CLOCK);
  const [reply] = (await once(socket, 'data')) as [Buffer];
  if (service.socket === undefined) socket.destroy();
  expect(reply.readUInt32BE(6)).toBe(0);
  // tag, size, rc, time, clock, resetCount
  return reply.readUInt32BE(10 + 16);
}

describe('startSwtpm', () => {
  it('starts a TPM that answers on a connected socket', async () => {
    expect(await resetCount(await start())).toBeGreaterThanOrEqual(0);
  });

  it('starts a TPM that programs connect to one after another', async () => {
    const service = await start({ server: 'unix' });
    const first = await resetCount(service);
    expect(await resetCount(service)).toBe(first);
  });

  it('keeps the state over a restart and over a power cut, and removes it otherwise', async () => {
    const first = await start();
    const before = await resetCount(first);
    await first.stop(true);
    expect(existsSync(first.state)).toBe(true);
    const second = await start({ state: first.state });
    const between = await resetCount(second);
    expect(between).toBeGreaterThan(before);
    await second.powerCut();
    const third = await start({ state: first.state });
    expect(await resetCount(third)).toBeGreaterThan(between);
    await third.stop();
    expect(existsSync(first.state)).toBe(false);
  });

  it('says what to install where there is none', async () => {
    const failed = startSwtpm({ env: { TEST_SWTPM_BIN: '/nowhere/swtpm' } });
    await expect(failed).rejects.toThrow(FieldsealTestError);
    await expect(failed).rejects.toThrow(/apt-get install swtpm/);
  });

  it('says why a program does not serve', async () => {
    await expect(startSwtpm({ env: { TEST_SWTPM_BIN: '/bin/false' } })).rejects.toThrow(/swtpm did not start/);
  });
});
