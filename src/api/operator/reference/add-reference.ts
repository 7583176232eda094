import { readFile } from "node:fs/promises";
import type { Context } from "hono";
import { FareboxError } from "../../../domain/farebox-error.ts";
import type { OperatorApp } from "../operator-env.ts";
import { findReferenceFile, REFERENCE_FILES } from "./reference-files.ts";
import { REFERENCE_PAGE, REFERENCE_PATH, REFERENCE_POLICY, REFERENCE_START } from "./reference-page.ts";

/**
 * `GET /v1/docs`: the interactive reference, and `GET /v1/docs/{file}`: what it loads. Everything comes from this process.
 */
export function addReference(app: OperatorApp): void {
  app.get(REFERENCE_PATH, (context) => {
    protect(context);
    return context.html(REFERENCE_PAGE);
  });
  app.get(`${REFERENCE_PATH}/:file`, async (context) => {
    const file = context.req.param("file");
    protect(context);
    if (file === "start.js") {
      return context.body(REFERENCE_START, 200, { "content-type": "text/javascript; charset=utf-8" });
    }
    const type = Object.hasOwn(REFERENCE_FILES, file) ? REFERENCE_FILES[file] : undefined;
    if (type === undefined) {
      throw new FareboxError("route_not_found", `The reference has no file ${file}.`);
    }
    return context.body(await readFile(findReferenceFile(file)), 200, { "content-type": type });
  });
}

function protect(context: Context): void {
  context.header("content-security-policy", REFERENCE_POLICY);
  context.header("x-content-type-options", "nosniff");
  context.header("referrer-policy", "no-referrer");
}
