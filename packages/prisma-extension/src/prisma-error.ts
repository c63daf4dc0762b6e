/** Names of Prisma's error classes. */
export type PrismaErrorName =
  | 'PrismaClientKnownRequestError'
  | 'PrismaClientUnknownRequestError'
  | 'PrismaClientValidationError';

/** What Prisma's errors hold. */
export interface PrismaError extends Error {
  readonly clientVersion: string;
  readonly code?: string;
  readonly meta?: Record<string, unknown>;
}

/** Whether an error is one of Prisma's. The two client generators may carry different copies of its classes, so it is known by name. */
export function isPrismaError(error: unknown, name: PrismaErrorName): error is PrismaError {
  return error instanceof Error && error.name === name && 'clientVersion' in error;
}
