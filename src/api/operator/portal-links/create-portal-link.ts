import { hash, randomBytes } from "node:crypto";
import { createRoute } from "@hono/zod-openapi";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { formatId, ID_RANDOM_BYTES } from "../../../domain/ids.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { createPortalLink } from "../../../ledger/sessions/portal-links.ts";
import { seal } from "../../keys/seal.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { accountParams } from "../../wire/fields.ts";
import { newPortalLink, portalLinkBody } from "../../wire/portal-link.ts";
import { openSealed } from "../keys/sealed-key.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const TEXT_BYTES = 32;
const SECONDS = 300;

const route = createRoute({
  method: "post",
  path: "/v1/accounts/{account}/portal-links",
  operationId: "createPortalLink",
  tags: ["accounts"],
  summary: "Make a link that signs a customer in to the portal, once",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, headers: idempotencyHeader, body: jsonBody(newPortalLink) },
  responses: answers(201, "The link.", portalLinkBody),
});

/** `POST /v1/accounts/{account}/portal-links`. Errors: `account_unknown`, `account_closed`, `key_not_repeatable`. */
export function addCreatePortalLink(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    const { access = "read", seconds = SECONDS } = context.req.valid("json");
    const body = await mutate(context, services, 201, async (tx) => {
      const { accountId, state } = await readAccount(tx, account);
      if (state === "closed") refuseClosed(accountId);
      const text = randomBytes(TEXT_BYTES).toString("base64url");
      const linkId = formatId("portalLink", randomBytes(ID_RANDOM_BYTES));
      const hashHex = hash("sha256", text, "hex");
      const made = await createPortalLink(tx, { linkId, hashHex, accountId, access, seconds });
      const expiresAt = made.expiresAt.toISOString();
      return {
        body: { id: linkId, account: accountId, access, expiresAt, sealed: seal(services.token, text) },
        audit: { action: "portal_link.create", accountId, target: linkId, detail: { access, expiresAt } },
      };
    });
    const { key: link, ...shown } = openSealed(services, body);
    return context.json({ ...shown, link, path: `${services.config.portal.path}/#link=${link}` }, 201);
  });
}

function refuseClosed(accountId: string): never {
  throw new FareboxError("account_closed", `The account ${accountId} is closed.`, { detail: { accountId } });
}
