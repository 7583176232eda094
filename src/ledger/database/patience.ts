import { setTimeout as sleep } from "node:timers/promises";
import { FareboxError } from "../../domain/farebox-error.ts";
import { ServerHosts } from "./address/server-hosts.ts";
import { tlsFix } from "./address/tls-fix.ts";
import { namesServer, reasonOf, sqlStateOf } from "./storage-error.ts";

/** A Postgres server's URL, or the directory of the embedded database. */
export type DatabaseTarget = { readonly url: string } | { readonly directory: string };

/** How a start waits for its database. */
export interface Patience {
  /** How long a server that does not answer is tried again; 30,000 by default. */
  readonly retryMs?: number;
  /** Told before each pause, so that a person who waits sees what for. */
  readonly onRetry?: (attempt: {
    readonly number: number;
    readonly inMs: number;
    readonly reason: string;
  }) => void;
}

const OTHER_SERVER_FIX =
  "Bring it back. Migrations, and plans and prices that are new, are written on all servers; a start that brings none needs it not.";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
const RETRY_MS = 30_000;

/** The server knows neither user nor password, has no such database, or lets the user not into it. */
const REFUSES_US = /^(28|3D000$|42501$)/;

/**
 * Takes one step of a start, again and again while the database is away. The step must be one that may be repeated when it is not
 * known whether it was done. Rejects with FareboxError `database_unreachable` when the database stays away for `retryMs` from the
 * first failure on, or refused the user, password or database name (at once: waiting fixes none of these); else as the step does.
 */
export async function withPatience<T>(
  target: DatabaseTarget,
  patience: Patience,
  step: () => Promise<T>,
): Promise<T> {
  let giveUpAt: number | undefined;
  for (let number = 1, pause = FIRST_PAUSE_MS; ; number += 1, pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof FareboxError && error.code === "storage_unavailable")) throw error;
      const sqlState = sqlStateOf(error);
      if (sqlState !== undefined && REFUSES_US.test(sqlState)) throw refusedError(error, target, sqlState);
      giveUpAt ??= performance.now() + (patience.retryMs ?? RETRY_MS);
      // Half to whole pause, so that instances started together do not come back together.
      const inMs = Math.round(pause * (0.5 + Math.random() / 2));
      if (performance.now() + inMs >= giveUpAt) throw unreachableError(error, target, number);
      patience.onRetry?.({ number, inMs, reason: reasonOf(error) });
      await sleep(inMs);
    }
  }
}

function refusedError(error: FareboxError, target: DatabaseTarget, sqlState: string): FareboxError {
  const where = describeTarget(target);
  return new FareboxError("database_unreachable", `The database at ${where} refused us: ${reasonOf(error)}`, {
    detail: { where, sqlState },
    cause: error,
  });
}

function unreachableError(error: FareboxError, target: DatabaseTarget, attempts: number): FareboxError {
  const where = describeTarget(target);
  if (namesServer(error)) {
    return new FareboxError(
      "database_unreachable",
      `The database at ${where} answers, and not all of its servers, in ${attempts} attempts. ${error.message}`,
      { detail: { where, attempts, fix: OTHER_SERVER_FIX }, cause: error },
    );
  }
  const fix = tlsFix(error);
  return new FareboxError(
    "database_unreachable",
    `The database at ${where} could not be reached in ${attempts} attempts: ${reasonOf(error)}`,
    { detail: { where, attempts, ...(fix === undefined ? {} : { fix }) }, cause: error },
  );
}

function describeTarget(target: DatabaseTarget): string {
  return "url" in target ? new ServerHosts(target.url).where : target.directory;
}
