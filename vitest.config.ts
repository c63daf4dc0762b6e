import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Tests run our sources, not the built packages, so that coverage counts them and no build is ever stale. */
const sources: Record<string, string> = {
  '@fieldseal/bullmq': './packages/bullmq/src/index.ts',
  '@fieldseal/cache': './packages/cache/src/index.ts',
  '@fieldseal/core': './packages/core/src/index.ts',
  '@fieldseal/core/kek': './packages/core/src/kek-providers.ts',
  '@fieldseal/core/internal': './packages/core/src/internal.ts',
  '@fieldseal/dashboard': './packages/dashboard/src/index.ts',
  '@fieldseal/example-quickstart/(.*)': './examples/quickstart/src/$1.ts',
  '@fieldseal/monitor/audit': './packages/monitor/src/audit.ts',
  '@fieldseal/monitor': './packages/monitor/src/index.ts',
  '@fieldseal/core/jobs': './packages/core/src/jobs.ts',
  '@fieldseal/migrate': './packages/migrate/src/index.ts',
  '@fieldseal/prisma': './packages/prisma-extension/src/index.ts',
  '@fieldseal/prisma/jobs': './packages/prisma-extension/src/jobs.ts',
  '@fieldseal/prisma/internal': './packages/prisma-extension/src/internal.ts',
  '@fieldseal/testkit': './packages/testkit/src/index.ts',
  '@fieldseal/tpm': './packages/tpm-sealer/src/index.ts',
  '@fieldseal/backup': './packages/backup/src/index.ts',
  '@fieldseal/tpm/client': './packages/tpm-sealer/src/client.ts',
};

export default defineConfig({
  // Not in node_modules, which `npm ci` may replace.
  cacheDir: '.cache/vite',
  resolve: {
    alias: Object.entries(sources).map(([name, path]) => ({
      find: new RegExp(`^${name}$`),
      replacement: fileURLToPath(new URL(path, import.meta.url)),
    })),
  },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
    // Servers end with the thread that started them: a process per test file keeps them apart.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default', 'json'],
    // Read by the continuous integration, which closes with the counts.
    outputFile: { json: '.cache/test-report.json' },
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      exclude: ['**/generated/**'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { 'packages/core/src/**': { lines: 90, branches: 90 } },
    },
  },
});
