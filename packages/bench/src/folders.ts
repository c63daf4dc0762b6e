import { fileURLToPath } from 'node:url';

/** This package. Its sources and what is built from them lie at the same depth. */
export const PACKAGE: string = fileURLToPath(new URL('..', import.meta.url));

/** The workspace. */
export const WORKSPACE: string = fileURLToPath(new URL('../../..', import.meta.url));
