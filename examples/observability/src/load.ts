import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clinic } from '@fieldseal/example-quickstart/clinic';

/** Who a query is for: the monitor and the audit log ask it. */
export const session: AsyncLocalStorage<string> = new AsyncLocalStorage<string>();

const STAFF = ['reception', 'dr-adams', 'dr-baker', 'billing'] as const;

/** What the load has done so far. */
export interface LoadCounts {
  readonly queries: number;
  readonly failed: number;
}

/** Reads and writes as a clinic does, some forty queries a second, until it is told to stop. Reads of damaged rows fail, and it goes on. */
export async function runLoad(prisma: Clinic, stop: AbortSignal): Promise<LoadCounts> {
  const ids = (await prisma.patient.findMany({ select: { id: true } })).map(({ id }) => id);
  let [queries, failed] = [0, 0];
  for (let at = 0; !stop.aborted; at++) {
    const id = ids[at % ids.length] as string;
    const query = async (): Promise<void> => {
      if (at % 10 === 0)
        await prisma.patient.update({ where: { id }, data: { phone: `+1 (555) 010-${1000 + (at % 9000)}` } });
      else if (at % 4 === 0) await prisma.patient.findMany({ take: 20, skip: at % 40, include: { visits: true } });
      else await prisma.patient.findUnique({ where: { id } });
    };
    queries += 1;
    // Awaited inside: Prisma sends a query when it is awaited.
    await session.run(STAFF[at % STAFF.length] as string, query).catch(() => {
      failed += 1;
    });
    await sleep(25);
  }
  return { queries, failed };
}
