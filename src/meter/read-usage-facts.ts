import type { UsageFacts, UsageQuestion } from "../contract/contract.ts";
import type { Database } from "../ledger/database/database.ts";
import { readUsageReport } from "../ledger/reports/usage-report.ts";
import type { Identity } from "./meter.ts";

/** What a contract's usage endpoint shows: the ledger's report, of one credit type. Rejects as `readUsageReport` does. */
export async function readUsageFacts(
  database: Database,
  firstCreditType: string,
  { accountId, shard }: Identity,
  { creditType = firstCreditType, by, from, to, timeZone, resolution }: UsageQuestion,
): Promise<UsageFacts> {
  const report = await readUsageReport(
    database,
    {
      account: { accountId, shard },
      creditType,
      from,
      to,
      timeZone,
      resolution,
      groupBy: by === "endpoint" ? ["endpoint"] : [],
    },
    [creditType],
  );
  const total = report.totals.find((sums) => sums.creditType === creditType);
  return {
    creditType,
    total: total ?? { requests: 0, units: 0, credits: 0n, refunded: 0n },
    lines: report.rows.map(({ time, endpoint, requests, units, credits, refunded }) => ({
      time: time ?? undefined,
      endpoint: endpoint ?? undefined,
      requests,
      units,
      credits,
      refunded,
    })),
  };
}
