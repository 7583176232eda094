import type { z } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import type { LongHoldRecord } from "../../../ledger/long-holds/read-long-holds.ts";
import type { longHoldBody } from "../../wire/hold.ts";

export function renderLongHold(hold: LongHoldRecord): z.infer<typeof longHoldBody> {
  return {
    requestId: hold.requestId,
    id: hold.callerId,
    state: hold.state,
    creditType: hold.creditType,
    endpoint: hold.endpoint,
    key: hold.keyId,
    asked: creditsToJson(hold.asked),
    held: creditsToJson(hold.held),
    charged: creditsToJson(hold.charged),
    parts: hold.parts,
    createdAt: hold.createdAt.toISOString(),
    expiresAt: hold.expiresAt.toISOString(),
  };
}
