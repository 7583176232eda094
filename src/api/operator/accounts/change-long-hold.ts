import { createRoute } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { extendLongHold, releaseLongHold } from "../../../ledger/long-holds/change-long-hold.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import {
  longHoldBody,
  longHoldExtension,
  longHoldParams,
  longHoldRelease,
  releasedLongHoldBody,
} from "../../wire/hold.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderLongHold } from "./render-long-hold.ts";

const release = createRoute({
  method: "post",
  path: "/v1/accounts/{account}/long-holds/{hold}/release",
  operationId: "releaseLongHold",
  tags: ["accounts"],
  summary: "End a hold for a job of hours by hand: what it holds is free, and it cannot be settled any more",
  security: OPERATOR_SECURITY,
  request: { params: longHoldParams, headers: idempotencyHeader, body: jsonBody(longHoldRelease) },
  responses: answers(200, "The long hold, and what became free.", releasedLongHoldBody),
});

const extend = createRoute({
  method: "post",
  path: "/v1/accounts/{account}/long-holds/{hold}/extend",
  operationId: "extendLongHold",
  tags: ["accounts"],
  summary: "Let a hold for a job of hours live for so long from now on",
  security: OPERATOR_SECURITY,
  request: { params: longHoldParams, headers: idempotencyHeader, body: jsonBody(longHoldExtension) },
  responses: answers(200, "The long hold.", longHoldBody),
});

/**
 * `POST /v1/accounts/{account}/long-holds/{hold}/release`. What becomes free counts under the limits of who asks, as a refund does: a job
 * that was done may go unpaid. Errors: `account_unknown`, `hold_unknown`, `hold_settled`, `giving_limit_exceeded`.
 */
export function addReleaseLongHold(app: OperatorApp, services: OperatorServices): void {
  app.openapi(release, async (context) => {
    const { account, hold: requestId } = context.req.valid("param");
    const { reason } = context.req.valid("json");
    const body = await mutate(context, services, 200, async (tx) => {
      const { hold, freed } = await releaseLongHold(tx, await readAccount(tx, account), requestId);
      const shown = { creditType: hold.creditType, freed: creditsToJson(freed) };
      return {
        body: { ...renderLongHold(hold), freed: shown.freed },
        gave: freed,
        audit: {
          action: "long_hold.release",
          accountId: account,
          target: hold.requestId,
          detail: { ...shown, id: hold.callerId, reason },
        },
      };
    });
    return context.json(body, 200);
  });
}

/**
 * `POST /v1/accounts/{account}/long-holds/{hold}/extend`. Errors: `account_unknown`, `hold_unknown`, `hold_settled`, `hold_released`,
 * `hold_expired`.
 */
export function addExtendLongHold(app: OperatorApp, services: OperatorServices): void {
  app.openapi(extend, async (context) => {
    const { account, hold: requestId } = context.req.valid("param");
    const { seconds } = context.req.valid("json");
    const body = await mutate(context, services, 200, async (tx) => {
      const hold = await extendLongHold(tx, await readAccount(tx, account), requestId, seconds);
      return {
        body: renderLongHold(hold),
        audit: {
          action: "long_hold.extend",
          accountId: account,
          target: hold.requestId,
          detail: { id: hold.callerId, seconds },
        },
      };
    });
    return context.json(body, 200);
  });
}
