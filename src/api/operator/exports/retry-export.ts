import { createRoute } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { retryExportOnce } from "../../../ledger/exports/ask-for-export.ts";
import type { RetryExportResult } from "../../../ledger/exports/export-job.ts";
import { renderAccountExport } from "../../exports/render-export.ts";
import { idempotencyHeader } from "../../operation.ts";
import { accountExportBody, exportParams } from "../../wire/export.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { findKnownExport } from "./find-export.ts";

const route = createRoute({
  method: "post",
  path: "/v1/exports/{export}/retry",
  operationId: "retryExport",
  tags: ["exports"],
  summary: "Begin a failed export again from its start",
  security: OPERATOR_SECURITY,
  request: { params: exportParams, headers: idempotencyHeader },
  responses: answers(200, "The export, queued.", accountExportBody),
});

/** `POST /v1/exports/{export}/retry`. Errors: `export_unknown`, `export_not_failed`, `export_not_retried`, `export_kind_unknown`. */
export function addRetryExport(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { export: exportId } = context.req.valid("param");
    const found = await findKnownExport(services, exportId);
    const kind = services.config.exports.kinds.find(({ name }) => name === found.kind);
    if (kind === undefined) {
      throw new FareboxError("export_kind_unknown", `The configuration has no exports of ${found.kind}.`, {
        detail: { kind: found.kind },
      });
    }
    const body = await mutate(context, services, 200, async (tx) => {
      const result = await retryExportOnce(tx, found, kind);
      if (result.kind !== "queued") refuseRetry(exportId, result);
      const { accountId } = result.job;
      const audit = { action: "export.retry", accountId, target: exportId };
      return { body: renderAccountExport(result.job), audit };
    });
    return context.json(body, 200);
  });
}

function refuseRetry(
  exportId: string,
  result: Exclude<RetryExportResult, { readonly kind: "queued" }>,
): never {
  const detail = { exportId };
  if (result.kind === "not failed") {
    throw new FareboxError(
      "export_not_failed",
      `The export is ${result.state}: only a failed one is retried.`,
      {
        detail,
      },
    );
  }
  const reason = {
    duplicate: "an identical one of the account is in progress",
    "too many": "the account has as many as it may have",
    short: "the account's credits do not cover it",
  }[result.kind];
  const amounts =
    result.kind === "short"
      ? `: ${creditsToJson(result.needed)} are needed, ${creditsToJson(result.available)} available`
      : "";
  throw new FareboxError("export_not_retried", `The export cannot be retried: ${reason}${amounts}.`, {
    detail,
  });
}
