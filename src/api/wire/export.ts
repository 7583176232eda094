import { z } from "@hono/zod-openapi";
import { amountOutput } from "./amount.ts";
import { timeOutput } from "./fields.ts";
import { nextCursor, pageQuery } from "./page.ts";

const STATES = ["queued", "running", "ready", "charged", "failed", "cancelled", "expired"] as const;

/** What customers see of an export. */
const shown = {
  id: z.string().openapi({ example: "019a1b2c-3d4e-7f50-8a9b-0c1d2e3f4a5b" }),
  state: z.enum(STATES).openapi({
    description:
      "queued → running → ready (all records are in, nothing is charged) → charged → expired (its files are removed). failed and cancelled ones cost nothing.",
  }),
  endpoint: z.string().openapi({ example: "POST /v2/exports/companies" }),
  creditType: z.string(),
  price: amountOutput.openapi({ description: "Credits for one record." }),
  policy: z.enum(["all", "covered"]).openapi({
    description: "`covered`: as many records as the credits covered when it was created.",
  }),
  chargeAt: z.enum(["completion", "listing"]),
  format: z.enum(["jsonl", "csv"]),
  gzip: z.boolean(),
  maxRecords: z.int().openapi({ description: "It has no more records than these." }),
  estimate: amountOutput.openapi({
    description:
      "Its cost by what is known: of the records it has, of those expected, or of the most it may have.",
  }),
  held: amountOutput.openapi({ description: "Credits set aside for it now." }),
  charged: amountOutput.nullable(),
  progress: z.object({
    records: z.int().openapi({ description: "In its files so far." }),
    expected: z
      .int()
      .nullable()
      .openapi({ description: "What the source says that there are; null: unknown." }),
    files: z.int(),
    bytes: z.int(),
    leftOut: z.int().openapi({
      description: "Records that the source gave twice or could not give: neither in the files nor charged.",
    }),
  }),
  failure: z
    .object({ code: z.string(), message: z.string() })
    .nullable()
    .openapi({ description: "Why it failed, or why a step had to be tried again." }),
  createdAt: timeOutput,
  startedAt: timeOutput.nullable(),
  readyAt: timeOutput.nullable(),
  chargedAt: timeOutput.nullable(),
  endedAt: timeOutput.nullable(),
  expiresAt: timeOutput.nullable().openapi({ description: "Until when its files can be downloaded." }),
};

export const exportBody = z.object(shown).openapi("Export");

export const exportPage = z.object({ exports: z.array(exportBody), next: nextCursor }).openapi("ExportPage");

/** What operators see besides. */
export const accountExportBody = z
  .object({ ...shown, account: z.string(), key: z.string(), priceList: z.int() })
  .openapi("Export");

export const accountExportPage = z
  .object({ exports: z.array(accountExportBody), next: nextCursor })
  .openapi("ExportPage");

export const exportQuery = z.strictObject({
  ...pageQuery.shape,
  state: z.enum(STATES).optional().openapi({ description: "Exports in this state only." }),
});

export const accountExportQuery = z.strictObject({
  ...exportQuery.shape,
  account: z.string().max(64).optional().openapi({ description: "Exports of this account only." }),
});

export const exportParams = z.object({
  export: z
    .string()
    .max(64)
    .openapi({ param: { name: "export", in: "path" }, example: "019a1b2c-3d4e-7f50-8a9b-0c1d2e3f4a5b" }),
});

const exportFile = z
  .object({
    name: z.string().openapi({ example: "part-00000.jsonl.gz" }),
    records: z.int(),
    bytes: z.int(),
    sha256: z.string(),
    path: z.string().openapi({ description: "Where it is downloaded with a key." }),
    link: z.string().openapi({ description: "Where it is downloaded without one, for a while." }),
    linkExpiresAt: timeOutput,
  })
  .openapi("ExportFile");

export const exportFiles = z
  .object({ export: exportBody, files: z.array(exportFile) })
  .openapi("ExportFiles");
