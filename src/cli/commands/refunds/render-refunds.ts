import type { z } from "zod";
import type { bulkRefundBody, refundPreviewBody } from "../../../api/wire/bulk-refund.ts";
import { countOf } from "../../render/count-of.ts";
import { renderTable } from "../../render/table.ts";

type Preview = z.infer<typeof refundPreviewBody>;
type BulkRefund = z.infer<typeof bulkRefundBody>;

/** `120 credits, 5 search`; `0 credits` when there are none. */
export function renderAmounts(credits: Readonly<Record<string, number>>): string {
  const amounts = Object.entries(credits).map(([creditType, amount]) => `${amount} ${creditType}`);
  return amounts.length === 0 ? "0 credits" : amounts.join(", ");
}

/** What would be refunded, for people. */
export function renderPreview(preview: Preview): string {
  const { charges, accounts, skipped, oldest, newest, examples, credits } = preview;
  const more = skipped === 0 ? "" : ` Of ${skipped} more that match nothing is left to refund.\n`;
  if (charges === 0) return `No charge that matches has anything left to refund.\n${more.trimStart()}`;
  const rows = examples.map((example) => [
    example.charge,
    example.at,
    String(example.refundable),
    example.requestId ?? "",
    example.endpoint ?? "",
  ]);
  const table = renderTable(["CHARGE", "TIME", "TO REFUND", "REQUEST", "ENDPOINT"], rows);
  const rest = charges > examples.length ? `… and ${charges - examples.length} more.\n` : "";
  const period = `the first at ${oldest}, the last at ${newest}`;
  return (
    `${countOf(charges, "charge")} of ${countOf(accounts, "account")}, ${renderAmounts(credits)}; ${period}.\n` +
    `${more.trimStart()}\n${table}${rest}`
  );
}

/** One line about how far it is. */
export function renderProgress({ charges, credits, accounts }: BulkRefund): string {
  const { done, total, skipped, failed } = charges;
  const others = [
    ...(skipped === 0 ? [] : [`${skipped} skipped`]),
    ...(failed === 0 ? [] : [`${failed} failed`]),
  ];
  return [
    `${done} of ${countOf(total, "charge")}`,
    `${accounts.done} of ${countOf(accounts.total, "account")}`,
    renderAmounts(credits.done),
    ...others,
  ].join(", ");
}

export function renderBulkRefund(bulk: BulkRefund): string {
  const filter = Object.entries(bulk.filter).map(([name, value]) => `${name} ${value}`);
  const lines = [
    `${bulk.id}  ${bulk.state}  ${renderProgress(bulk)}`,
    `  filter: ${filter.join(", ")}`,
    `  reason: ${bulk.reason}`,
    ...(bulk.reference === bulk.id ? [] : [`  reference: ${bulk.reference}`]),
    `  created: ${bulk.createdAt}`,
    ...(bulk.finishedAt === null ? [] : [`  finished: ${bulk.finishedAt}`]),
    ...bulk.failures.map(({ charge, reason }) => `  failed: ${charge}: ${reason}`),
  ];
  return `${lines.join("\n")}\n`;
}
