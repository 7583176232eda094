import { z } from "@hono/zod-openapi";
import type { AuditReport } from "../../ledger/audit/audit.ts";

export const auditQuery = z.object({
  atRest: z
    .enum(["true", "false"])
    .optional()
    .transform((text) => text === "true")
    .openapi({
      type: "boolean",
      description: "Nobody uses the ledger: what is still held is a finding too.",
    }),
});

export const auditBody = z
  .object({
    sound: z.boolean().openapi({ description: "No invariant is broken." }),
    pools: z.int().openapi({ description: "How many pools were recomputed." }),
    entries: z.int().openapi({ description: "From how many entries." }),
    findings: z.array(
      z.object({
        invariant: z.enum(["I1", "I2", "I8", "I11"]),
        check: z.string(),
        account: z.string(),
        creditType: z.string(),
        detail: z
          .record(z.string(), z.union([z.number(), z.string(), z.null()]))
          .openapi({ description: "What should be equal, and where; amounts in micro-credits." }),
      }),
    ),
  })
  .openapi("Audit");

/** A report as the API and the command line show it. Amounts stay in micro-credits, so that no rounding hides a difference. */
export function renderAudit(report: AuditReport): z.infer<typeof auditBody> {
  return {
    sound: report.findings.length === 0,
    pools: report.pools,
    entries: report.entries,
    findings: report.findings.map((finding) => ({
      invariant: finding.invariant,
      check: finding.check,
      account: finding.accountId,
      creditType: finding.creditType,
      detail: Object.fromEntries(
        Object.entries(finding.detail).map(([name, value]) => [
          name,
          typeof value === "bigint" ? exact(value) : value,
        ]),
      ),
    })),
  };
}

/** A JSON number where it is exact, else text. */
function exact(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}
