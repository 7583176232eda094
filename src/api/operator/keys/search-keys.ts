import { hash } from "node:crypto";
import { createRoute } from "@hono/zod-openapi";
import { readKey } from "../../../ledger/keys/keys.ts";
import { searchKeysByHash, searchKeysByHint } from "../../../ledger/keys/search-keys.ts";
import { renderKey } from "../../keys/render-key.ts";
import { jsonBody } from "../../operation.ts";
import { keySearch, soughtKeys } from "../../wire/key.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "post",
  path: "/v1/keys/search",
  operationId: "searchKeys",
  tags: ["keys"],
  summary: "Find whose a key is, by its text or its hint; changes nothing",
  security: OPERATOR_SECURITY,
  request: { body: jsonBody(keySearch) },
  responses: answers(200, "The keys that were found, with their accounts.", soughtKeys),
});

/** `POST /v1/keys/search`. A text comes in the body, where nothing logs it, and leaves this function as its hash. */
export function addSearchKeys(app: OperatorApp, { database, config }: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { text, hint = "" } = context.req.valid("json");
    const found =
      text === undefined
        ? await searchKeysByHint(database, hint)
        : await searchKeysByHash(database, hash("sha256", config.keys.forms.hashedText(text), "hex"));
    const keys = [];
    for (const { keyId, accountName, accountState, isFormer } of found) {
      const key = await renderKey(database, await readKey(database, keyId));
      const matched = isFormer ? ("former" as const) : ("present" as const);
      keys.push({ ...key, accountName, accountState, matched });
    }
    return context.json({ keys }, 200);
  });
}
