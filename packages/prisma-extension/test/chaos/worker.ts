/** A worker of a job as a process of its own, which the test kills. */
import { openEnvironmentKeyring } from '@fieldseal/core';
import { JobEngine } from '@fieldseal/core/jobs';
import { adapterDatabase, modelTable, SqlRowSource } from '@fieldseal/prisma/jobs';
import { PrismaPg } from '@prisma/adapter-pg';
import { jumpingClock } from './jumping-clock.ts';

const { CHAOS_URL = '', CHAOS_JOB = '', CHAOS_SCHEMA = '', CHAOS_MODEL = '', CHAOS_CLOCK = '0' } = process.env;

if (CHAOS_CLOCK !== '0') jumpingClock(Number(CHAOS_CLOCK));

const adapter = await new PrismaPg({ connectionString: CHAOS_URL, max: 1 }).connect();
const table = modelTable({ schema: CHAOS_SCHEMA, model: CHAOS_MODEL, fields: ['email', 'photo'] });
const source = new SqlRowSource(adapterDatabase(adapter, 'postgresql'), table);
const keys = await openEnvironmentKeyring();
process.stdout.write('working\n');
const end = await new JobEngine({ source, keys, patienceMs: 60_000 }).work(CHAOS_JOB);
await adapter.dispose();
process.stdout.write(`${end}\n`);
