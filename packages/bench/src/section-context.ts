/** What a section may use. */
export interface SectionContext {
  readonly quick: boolean;
  /** Rows of the tables that are searched; null for the usual ones. */
  readonly searchRows: readonly number[] | null;
  /** Null when the packages that are compared are installed, else why they are not. */
  readonly rivals: string | null;
  /** Null when the Prisma clients are generated, else why they are not. */
  readonly clients: string | null;
  /** Connection string of an administrator of the PostgreSQL server, or why there is none. */
  readonly postgres: { readonly url: string } | { readonly reason: string };
}
