import { hash, randomBytes } from "node:crypto";
import { createRoute } from "@hono/zod-openapi";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { formatId, ID_RANDOM_BYTES } from "../../../domain/ids.ts";
import { createConsoleLink } from "../../../ledger/sessions/console-links.ts";
import { proveByToken } from "../../../ledger/sessions/proof.ts";
import { seal } from "../../keys/seal.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { consoleLinkBody, newConsoleLink } from "../../wire/session.ts";
import { openSealed } from "../keys/sealed-key.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const TEXT_BYTES = 32;
const SECONDS = 300;

const route = createRoute({
  method: "post",
  path: "/v1/console-links",
  operationId: "createConsoleLink",
  tags: ["sessions"],
  summary: "Make a link that signs you in to the console, once",
  security: OPERATOR_SECURITY,
  request: { headers: idempotencyHeader, body: jsonBody(newConsoleLink) },
  responses: answers(201, "The link.", consoleLinkBody),
});

/** `POST /v1/console-links`. Errors: `console_off`, `console_link_needs_token`, `key_not_repeatable`. */
export function addCreateConsoleLink(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { seconds = SECONDS } = context.req.valid("json");
    const { actor, tokenId } = context.get("operator");
    const console = services.console ?? refuseOff();
    // Who is signed in could otherwise stay so for ever, from link to link.
    if (tokenId === undefined) refuseSession();
    const body = await mutate(context, services, 201, async (tx) => {
      const text = randomBytes(TEXT_BYTES).toString("base64url");
      const id = formatId("portalLink", randomBytes(ID_RANDOM_BYTES));
      const hashHex = hash("sha256", text, "hex");
      const proofHex = tokenId === null ? proveByToken(services.token, text) : null;
      const link = { linkId: id, hashHex, actor, tokenId, proofHex, seconds };
      const expiresAt = (await createConsoleLink(tx, link)).toISOString();
      return {
        body: { id, actor, expiresAt, sealed: seal(services.token, text) },
        audit: { action: "console_link.create", target: id, detail: { expiresAt } },
      };
    });
    const { key: link, ...shown } = openSealed(services, body);
    return context.json({ ...shown, link, path: `${console.path}/#link=${link}` }, 201);
  });
}

function refuseOff(): never {
  throw new FareboxError("console_off", "This Farebox serves no console: console.enabled is false.");
}

function refuseSession(): never {
  throw new FareboxError(
    "console_link_needs_token",
    "A link to the console is made with a token, not by who is signed in already.",
  );
}
