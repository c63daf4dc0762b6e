import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import {
  COMMANDS,
  createPrimary,
  DeviceTransport,
  getRandom,
  openTransport,
  RC,
  Session,
  SocketTransport,
  SRK_TEMPLATE,
  Tpm,
  TpmDevice,
  TpmRcError,
  type Transport,
} from '../src/client.ts';
import { codeOf, startTpm } from './harness.ts';
import { commandCode, interposed, rcReply } from './raw-commands.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldseal-tpm-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** GetRandom's answer with four bytes. */
const FOUR = Buffer.from('800100000010000000000004aabbccdd', 'hex');

/** A server on a UNIX socket that does as it likes with each command. */
async function serve(name: string, onCommand: (socket: Socket, command: Buffer) => void): Promise<string> {
  const path = join(folder, name);
  const server = createServer((socket) =>
    socket.on('data', (command) => onCommand(socket, command)).on('error', () => {}),
  );
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return `swtpm:path=${path}`;
}

const random = (address: string, timeoutMs = 5000) =>
  new TpmDevice(address, { timeoutMs }).operation((tpm) => getRandom(tpm, 4));

describe('a socket', () => {
  it('puts a reply together that comes in pieces', async () => {
    const address = await serve('pieces', (socket) => {
      for (const [at] of FOUR.entries()) setTimeout(() => socket.write(FOUR.subarray(at, at + 1)), at);
    });
    expect((await random(address)).toString('hex')).toBe('aabbccdd');
  });

  it.each<[string, Buffer]>([
    ['more than one reply', Buffer.concat([FOUR, FOUR])],
    ['an impossible length', Buffer.from('8001ffffffff00000000', 'hex')],
    ['a length below that of a header', Buffer.from('80010000000900000000', 'hex')],
    ['another tag', Buffer.from('800200000010000000000004aabbccdd', 'hex')],
    ['bytes behind the parameters', Buffer.from('800100000011000000000004aabbccdd00', 'hex')],
    ['a parameter that is cut', Buffer.from('80010000000f000000000004aabbcc', 'hex')],
  ])('refuses %s', async (name, reply) => {
    const address = await serve(name.replaceAll(' ', '-'), (socket) => socket.write(reply));
    expect(await codeOf(random(address))).toBe('ERR_TPM_IO');
  });

  it('waits no longer than it is told, and is of no use afterwards', async () => {
    const transport = await openTransport(await serve('silent', () => {}), 1000);
    const tpm = new Tpm(transport, { timeoutMs: 40 });
    expect(await codeOf(getRandom(tpm, 4))).toBe('ERR_TPM_TIMEOUT');
    expect(await codeOf(getRandom(tpm, 4))).toBe('ERR_TPM_TIMEOUT');
    await transport.close();
  });

  it('tells when the TPM goes away', async () => {
    const address = await serve('gone', (socket) => socket.destroy());
    expect(await codeOf(random(address))).toBe('ERR_TPM_IO');
  });

  it('refuses what comes unasked', async () => {
    await serve('unasked', () => {});
    servers[0]?.on('connection', (socket) => socket.write(FOUR));
    const socket = connect(join(folder, 'unasked'));
    const transport = new SocketTransport(socket);
    await once(socket, 'data');
    expect(await codeOf(transport.transmit(FOUR, 1000))).toBe('ERR_TPM_IO');
  });

  it('a descriptor that is not open is told', async () => {
    expect(await codeOf(random('fd:999999'))).toBe('ERR_TPM_IO');
  });

  it('real TPMs answer over TCP as over a UNIX socket', async () => {
    const tpm = await startTpm();
    const server = createServer((socket) =>
      socket.on('data', async (command) => socket.write(await tpm.transport.transmit(command, 5000))),
    );
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    expect((await random(`swtpm:host=127.0.0.1,port=${port}`)).length).toBe(4);
  });
});

describe('a device', () => {
  it.each([
    ['that is an empty file', ''],
    ['whose reply is cut', `${'\0'.repeat(12)}short`],
  ])('one %s gives no reply', async (name, content) => {
    const path = join(folder, name.replaceAll(' ', '-'));
    writeFileSync(path, content);
    expect(await codeOf(random(path))).toBe('ERR_TPM_IO');
  });

  it('waits no longer than it is told', async () => {
    const path = join(folder, 'fifo');
    spawnSync('mkfifo', [path]);
    const fd = openSync(path, 'r+');
    const transport = await openTransport(path, 1000);
    // What is written comes back, and announces more than it is.
    const half = Buffer.from('80010000001000000000', 'hex');
    expect(await codeOf(transport.transmit(half, 40))).toBe('ERR_TPM_TIMEOUT');
    expect(await codeOf(transport.transmit(half, 40))).toBe('ERR_TPM_TIMEOUT');
    writeSync(fd, Buffer.alloc(6)); // lets go of the read that still waits
    closeSync(fd);
    await transport.close();
  });

  it('gives the reply behind the command, and is closed for good', async () => {
    // A file stands in for the device: the command moves the position to where the reply lies.
    const path = join(folder, 'device');
    const command = Buffer.from('80010000000c0000017b0004', 'hex');
    writeFileSync(path, Buffer.concat([Buffer.alloc(command.length), FOUR]));
    const transport = new DeviceTransport(openSync(path, 'r+'), path);
    expect(await transport.transmit(command, 1000)).toEqual(FOUR);
    await transport.close();
    expect(await codeOf(transport.transmit(command, 1000))).toBe('ERR_TPM_IO');
  });

  it('a descriptor that is open already serves one operation after another', async () => {
    const path = join(folder, 'descriptor');
    writeFileSync(path, '');
    const fd = openSync(path, 'r+');
    for (const before of [0, 28]) {
      writeSync(fd, FOUR, 0, FOUR.length, before + 12);
      expect((await random(`fd:${fd}`)).toString('hex')).toBe('aabbccdd');
    }
  });
});

describe('codes that ask for the same again', () => {
  const answers = (codes: number[], sent: Buffer[] = []): Transport => ({
    label: 'scripted',
    transmit: async (command) => {
      sent.push(Buffer.from(command));
      const code = codes.shift();
      return code === undefined ? FOUR : rcReply(code);
    },
    close: async () => {},
  });

  it('sends the same bytes until the TPM is ready', async () => {
    const sent: Buffer[] = [];
    const tpm = new Tpm(answers([RC.RETRY, RC.TESTING, RC.NV_RATE, RC.YIELDED], sent));
    expect((await getRandom(tpm, 4)).length).toBe(4);
    expect(sent).toHaveLength(5);
    expect(new Set(sent.map((bytes) => bytes.toString('hex'))).size).toBe(1);
  });

  it('ends with the time of the command', async () => {
    const tpm = new Tpm(answers(Array<number>(1000).fill(RC.RETRY)), { timeoutMs: 30 });
    await expect(getRandom(tpm, 4)).rejects.toThrow(TpmRcError);
  });

  it.each([RC.LOCKOUT, RC.OBJECT_MEMORY, 0x101])('code %i is not tried again', async (code) => {
    const sent: Buffer[] = [];
    await expect(getRandom(new Tpm(answers([code], sent)), 4)).rejects.toMatchObject({
      rc: code,
      command: 'GetRandom',
    });
    expect(sent).toHaveLength(1);
  });
});

describe('operations', () => {
  it('do not mix on one TPM, and each flushes what it made', async () => {
    const commands: number[] = [];
    const tpm = await startTpm({
      wrap: (inner) =>
        interposed(inner, (command, pass) => {
          commands.push(commandCode(command));
          return pass(command);
        }),
    });
    await Promise.all(
      Array.from({ length: 5 }, () =>
        tpm.device.operation(async (session) => {
          await Session.start(session, 'hmac', await createPrimary(session, SRK_TEMPLATE));
        }),
      ),
    );
    const one = [COMMANDS.CreatePrimary, COMMANDS.StartAuthSession, COMMANDS.FlushContext, COMMANDS.FlushContext];
    expect(commands).toEqual(Array.from({ length: 5 }, () => one).flat());
  });

  it('one that fails flushes as well, and hands its place on', async () => {
    const tpm = await startTpm();
    for (let count = 0; count < 10; count++) {
      const failed = tpm.device.operation(async (session) => {
        await createPrimary(session, SRK_TEMPLATE);
        throw new Error('the work failed');
      });
      await expect(failed).rejects.toThrow('the work failed');
    }
    expect((await tpm.device.operation((session) => getRandom(session, 4))).length).toBe(4);
  });

  it('a flush that fails is told', async () => {
    const tpm = await startTpm({
      wrap: (inner) =>
        interposed(inner, async (command, pass) =>
          commandCode(command) === COMMANDS.FlushContext ? rcReply(0x101) : pass(command),
        ),
    });
    await expect(tpm.device.operation((session) => createPrimary(session, SRK_TEMPLATE))).rejects.toThrow(TpmRcError);
  });
});
