import { FareboxError } from "../../domain/farebox-error.ts";
import { sqlStateOf } from "../database/storage-error.ts";

/** SQLSTATE with which `create_pools` refuses an account that does not exist in the shard. */
const NO_ACCOUNT = "FB404";

/** The error for callers: FareboxError `account_unknown` when the database found no such account, else the error itself. */
export function explainUnknownAccount(error: unknown, accountId: string): unknown {
  return sqlStateOf(error) === NO_ACCOUNT ? unknownAccount(accountId, error) : error;
}

export function unknownAccount(accountId: string, cause?: unknown): FareboxError {
  return new FareboxError("account_unknown", `There is no account ${accountId}.`, {
    detail: { accountId },
    cause,
  });
}

/** Runs a verb; an account that does not exist becomes FareboxError `account_unknown`. */
export async function orUnknownAccount<T>(accountId: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw explainUnknownAccount(error, accountId);
  }
}
