import type { z } from "@hono/zod-openapi";
import { creditsToJson } from "../../domain/credits.ts";
import { explainFailure } from "../../exports/explain-failure.ts";
import type { ExportJob } from "../../ledger/exports/export-job.ts";
import type { accountExportBody, exportBody } from "../wire/export.ts";

/** An export as customers see it. */
export function renderExport(job: ExportJob): z.infer<typeof exportBody> {
  const { records, expected, parts: files, bytes, leftOut, failure, charge } = job;
  return {
    id: job.exportId,
    state: job.state,
    endpoint: job.endpoint,
    creditType: job.creditType,
    price: creditsToJson(job.price),
    policy: job.policy,
    chargeAt: job.chargeAt,
    format: job.format,
    gzip: job.gzip,
    maxRecords: job.maxRecords,
    estimate: creditsToJson(job.price * BigInt(estimateRecords(job))),
    held: creditsToJson(job.held),
    charged: charge === null ? null : creditsToJson(charge.charged),
    progress: { records, expected, files, bytes, leftOut },
    failure: failure && { code: failure.code, message: explainFailure(failure.code) },
    createdAt: job.createdAt.toISOString(),
    startedAt: job.startedAt?.toISOString() ?? null,
    readyAt: job.readyAt?.toISOString() ?? null,
    chargedAt: job.chargedAt?.toISOString() ?? null,
    endedAt: job.endedAt?.toISOString() ?? null,
    expiresAt: job.expiresAt?.toISOString() ?? null,
  };
}

/** Known when all are in; before, the source's own count counts as far as the export may have so many. */
function estimateRecords({ state, records, expected, maxRecords }: ExportJob): number {
  if (state !== "queued" && state !== "running") return records;
  return Math.max(records, Math.min(expected ?? maxRecords, maxRecords));
}

/** An export as operators see it: with the failure in its own words. */
export function renderAccountExport(job: ExportJob): z.infer<typeof accountExportBody> {
  const { accountId: account, keyId: key, priceList, failure } = job;
  return { ...renderExport(job), failure, account, key, priceList };
}
