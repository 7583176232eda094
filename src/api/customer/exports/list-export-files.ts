import type { z } from "@hono/zod-openapi";
import { createRoute } from "@hono/zod-openapi";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { refuseEnded } from "../../../exports/refuse-ended.ts";
import type { Database } from "../../../ledger/database/database.ts";
import { chargeExport } from "../../../ledger/exports/ask-for-export.ts";
import type { ExportJob, ExportPart } from "../../../ledger/exports/export-job.ts";
import { listParts, readExport } from "../../../ledger/exports/read-exports.ts";
import { renderExport } from "../../exports/render-export.ts";
import { exportBody, exportFiles, exportParams } from "../../wire/export.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { RefusalError } from "../refusal-error.ts";
import { readOwnExport } from "./read-own-export.ts";

/** An export rarely takes less; clients that are told to wait do not poll for nothing. */
const RETRY_AFTER_SECONDS = "2";

/** `GET {prefix}/exports/{export}/files`: the files, with links; charges an export that is ready and was not charged. */
export function addListExportFiles(app: CustomerApp, services: CustomerServices): void {
  const { config, database } = services;
  const prefix = config.customerApi.path;
  const route = createRoute({
    method: "get",
    path: `${prefix}/exports/{export}/files`,
    operationId: "listExportFiles",
    tags: ["exports"],
    summary: "List an export's files, with download links; charges what was not charged before",
    security: CUSTOMER_SECURITY,
    request: { params: exportParams },
    responses: {
      ...answers(200, "The files.", exportFiles),
      202: { description: "It has no files yet.", content: { "application/json": { schema: exportBody } } },
    },
  });
  app.openapi(route, async (context) => {
    const { caller } = context.env;
    const { export: exportId } = context.req.valid("param");
    const own = await readOwnExport(database, caller, exportId);
    if (own.state === "ready" && caller.session?.access === "read") refusePaying();
    const job = await chargeWhenReady(database, own);
    if (job.state === "charged") {
      const files = renderFiles(services, job, await listParts(database, job));
      return context.json({ export: renderExport(job), files }, 200);
    }
    const refusal = refuseEnded(job);
    if (refusal !== undefined) throw new RefusalError(refusal);
    context.header("retry-after", RETRY_AFTER_SECONDS);
    return context.json(renderExport(job), 202);
  });
}

/** The export as it is then. A second listing at once finds it charged, and charges nothing. */
async function chargeWhenReady(database: Database, job: ExportJob): Promise<ExportJob> {
  if (job.state !== "ready") return job;
  const result = await chargeExport(database, job);
  if (result.kind === "short") {
    const { needed: required, available } = result;
    const { creditType } = job;
    throw new RefusalError({ code: "insufficient_credits", creditType, required, available });
  }
  return (await readExport(database, job.shard, job.exportId)) ?? job;
}

function refusePaying(): never {
  throw new FareboxError(
    "action_not_permitted",
    "Listing the files pays for the export, and you may look only: the link that you came by says so.",
  );
}

function renderFiles(
  { config, exportLinks, contract }: CustomerServices,
  job: ExportJob,
  parts: readonly ExportPart[],
): z.infer<typeof exportFiles>["files"] {
  const { exportId, format, gzip } = job;
  return parts.map(({ part, records, bytes, sha256 }) => {
    const name = contract.exports.nameFile({ exportId, number: part - 1, format, gzip });
    const path = `${config.customerApi.path}/exports/${exportId}/files/${name}`;
    const { link, expiresMs } = exportLinks.sign(path, job);
    return { name, records, bytes, sha256, path, link, linkExpiresAt: new Date(expiresMs).toISOString() };
  });
}
