import type { z } from "@hono/zod-openapi";
import { type Credits, creditsToJson } from "../../../domain/credits.ts";
import { renderChargeId } from "../../../domain/ids.ts";
import type { BulkRefund } from "../../../ledger/refunds/bulk-refunds.ts";
import type { bulkRefundBody } from "../../wire/bulk-refund.ts";

export function renderBulkRefund(bulk: BulkRefund): z.infer<typeof bulkRefundBody> {
  const { expected, refunded } = bulk;
  const { from, to, accountId, keyId, ...filter } = bulk.filter;
  return {
    id: bulk.bulkId,
    state: bulk.state,
    filter: {
      from: from.toISOString(),
      to: to.toISOString(),
      ...(accountId === undefined ? {} : { account: accountId }),
      ...(keyId === undefined ? {} : { key: keyId }),
      ...filter,
    },
    reason: bulk.reason,
    reference: bulk.reference,
    charges: {
      total: expected.charges,
      done: refunded.charges,
      skipped: bulk.skipped,
      failed: bulk.failed,
    },
    credits: { total: renderCredits(expected.credits), done: renderCredits(refunded.credits) },
    accounts: { total: expected.accounts, done: refunded.accounts },
    failures: bulk.failures.map((failure) => ({ charge: renderChargeId(failure), reason: failure.reason })),
    createdAt: bulk.createdAt.toISOString(),
    finishedAt: bulk.finishedAt?.toISOString() ?? null,
  };
}

/** Credits by credit type, in the order of the types' names. */
export function renderCredits(credits: ReadonlyMap<string, Credits>): Record<string, number> {
  const sorted = [...credits].toSorted(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(sorted.map(([creditType, amount]) => [creditType, creditsToJson(amount)]));
}
