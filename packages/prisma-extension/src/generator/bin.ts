import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FieldsealError } from '@fieldseal/core';
import generatorHelper from '@prisma/generator-helper';
import { buildSchemaMap } from '../schema/build-map.ts';
import { compileSchema } from '../schema/compiled-schema.ts';
import { checkSameMap } from '../schema/from-client.ts';
import { type Dmmf, parseDmmf } from '../schema/from-dmmf.ts';
import { readSchemaMap } from '../schema/read-schema.ts';
import { clientsOf, type GeneratorBlock, retypeClients } from './client-files.ts';
import { planEdits, type TypeDmmf } from './edit-plan.ts';
import { emitSchemaMap } from './emit.ts';

/** Name of the file that is written into the output folder. */
const FILE = 'fieldseal-schema.ts';

/** A throw here fails `prisma generate`: an annotation that cannot be served must never pass in silence. */
generatorHelper.generatorHandler({
  onManifest: () => ({ prettyName: 'Fieldseal schema map', defaultOutput: './generated' }),
  onGenerate: async ({ datamodel, datasources, dmmf, generator, otherGenerators }) => {
    const output = generator.output?.value;
    if (output == null) throw new Error('the fieldseal generator has no output folder');
    const map = buildSchemaMap(parseDmmf(dmmf as Dmmf, datasources[0]?.activeProvider ?? ''));
    compileSchema(map);
    checkSameMap(map, readSchemaMap(datamodel)); // what encryption() will read from the client
    if (wantsTypes(generator.config['retype'])) {
      const clients = clientsOf(datamodel, generator.name, otherGenerators as readonly GeneratorBlock[]);
      await retypeClients(clients, planEdits(map, dmmf as unknown as TypeDmmf));
    }
    await mkdir(output, { recursive: true });
    await writeFile(join(output, FILE), emitSchemaMap(map));
  },
});

function wantsTypes(retype: unknown): boolean {
  if (retype === undefined || retype === 'true') return true;
  if (retype === 'false') return false;
  throw new FieldsealError('ERR_SCHEMA', 'retype is "true" or "false"');
}
