import type { KeyFacts, UsageFacts, UsageQuestion } from "../contract/contract.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import type { Database } from "../ledger/database/database.ts";
import { findKeyNamed, readKeyNames } from "../ledger/keys/key-names.ts";
import { ALL_TAILS, readUsageReport } from "../ledger/reports/usage-report.ts";
import type { Identity } from "./meter.ts";

/**
 * What a contract's usage endpoint shows: the ledger's report, of one credit type. Rejects as `readUsageReport` does, and with
 * FareboxError `key_unknown` where the question names a key that the account does not have.
 */
export async function readUsageFacts(
  database: Database,
  firstCreditType: string,
  { accountId, shard }: Identity,
  question: UsageQuestion,
): Promise<UsageFacts> {
  const { creditType = firstCreditType, by, from, to, timeZone, resolution, key } = question;
  const keyId = key === undefined ? undefined : await findKey(database, accountId, key);
  const report = await readUsageReport(
    database,
    {
      account: { accountId, shard },
      creditType,
      keyId,
      from,
      to,
      timeZone,
      resolution,
      groupBy: by === "time" ? [] : [by],
    },
    [creditType],
    // A contract's body has no word for what is missing.
    { mostInTails: ALL_TAILS },
  );
  const total = report.totals.find((sums) => sums.creditType === creditType);
  const keys = await readKeys(database, accountId, by === "key" ? report.rows : []);
  return {
    creditType,
    total: total ?? { requests: 0, units: 0, credits: 0n, refunded: 0n },
    lines: report.rows.map((row) => ({
      time: row.time ?? undefined,
      endpoint: row.endpoint ?? undefined,
      key: row.keyId === null ? undefined : keys.get(row.keyId),
      requests: row.requests,
      units: row.units,
      credits: row.credits,
      refunded: row.refunded,
    })),
  };
}

async function findKey(database: Database, accountId: string, named: string): Promise<string> {
  const keyId = await findKeyNamed(database, accountId, named);
  if (keyId !== undefined) return keyId;
  throw new FareboxError("key_unknown", `The account has no key ${named}.`, { detail: { keyId: named } });
}

async function readKeys(
  database: Database,
  accountId: string,
  rows: readonly { readonly keyId: string | null }[],
): Promise<ReadonlyMap<string, KeyFacts>> {
  const keyIds = rows.flatMap(({ keyId }) => keyId ?? []);
  const names = new Map((await readKeyNames(database, accountId, keyIds)).map((key) => [key.keyId, key]));
  return new Map(keyIds.map((keyId) => [keyId, names.get(keyId) ?? { keyId, name: null, hint: null }]));
}
