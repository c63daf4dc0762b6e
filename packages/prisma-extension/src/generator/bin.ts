import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import generatorHelper from '@prisma/generator-helper';
import { buildSchemaMap } from '../schema/build-map.ts';
import { compileSchema } from '../schema/compiled-schema.ts';
import { checkSameMap } from '../schema/from-client.ts';
import { type Dmmf, parseDmmf } from '../schema/from-dmmf.ts';
import { readSchemaMap } from '../schema/read-schema.ts';
import { emitSchemaMap } from './emit.ts';

/** Name of the file that is written into the output folder. */
const FILE = 'fieldseal-schema.ts';

/** A throw here fails `prisma generate`: an annotation that cannot be served must never pass in silence. */
generatorHelper.generatorHandler({
  onManifest: () => ({ prettyName: 'Fieldseal schema map', defaultOutput: './generated' }),
  onGenerate: async ({ datamodel, datasources, dmmf, generator }) => {
    const output = generator.output?.value;
    if (output == null) throw new Error('the fieldseal generator has no output folder');
    const map = buildSchemaMap(parseDmmf(dmmf as Dmmf, datasources[0]?.activeProvider ?? ''));
    compileSchema(map);
    checkSameMap(map, readSchemaMap(datamodel)); // what encryption() will read from the client
    await mkdir(output, { recursive: true });
    await writeFile(join(output, FILE), emitSchemaMap(map));
  },
});
