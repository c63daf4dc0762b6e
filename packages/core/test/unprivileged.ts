/** Any user without rights: the usual id of `nobody`. */
const NOBODY = 65_534;

/** Runs `work` without the rights of root, to whom no file is forbidden; everybody else's rights are left alone. */
export async function withoutRootRights<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0 || process.seteuid === undefined) return work();
  process.seteuid(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid(0);
  }
}
