import { z } from "@hono/zod-openapi";
import { exportParams } from "../../wire/export.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { CUSTOMER_SECURITY } from "../operation.ts";

const name = z.string().openapi({
  param: { name: "name", in: "path" },
  description: "As the list of files has it; it may have slashes.",
});

/** `GET {prefix}/exports/{export}/files/{name}`: the gateway answers it, because its bytes never pass through here. */
export function describeDownload(app: CustomerApp, { config }: CustomerServices): void {
  const bytes = z.string().openapi({ format: "binary" });
  app.openAPIRegistry.registerPath({
    method: "get",
    path: `${config.customerApi.path}/exports/{export}/files/{name}`,
    operationId: "downloadExportFile",
    tags: ["exports"],
    summary: "Download a file of an export, whole or in part; with a link instead of a key, too",
    security: CUSTOMER_SECURITY,
    request: {
      params: exportParams.extend({ name }),
      query: z.object({
        link: z
          .string()
          .optional()
          .openapi({ description: "The signature of a link; then no key is needed." }),
      }),
      headers: z.object({
        range: z.string().optional().openapi({ description: "One range of bytes: `bytes=0-1023`." }),
        "if-range": z.string().optional().openapi({ description: "The `ETag` of what is there already." }),
      }),
    },
    responses: {
      200: { description: "The file.", content: { "application/gzip": { schema: bytes } } },
      206: {
        description: "The part that was asked for.",
        content: { "application/gzip": { schema: bytes } },
      },
    },
  });
}
