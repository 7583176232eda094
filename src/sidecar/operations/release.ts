import type { z } from "@hono/zod-openapi";
import { creditsToJson } from "../../domain/credits.ts";
import type { HoldParts } from "../hold-parts.ts";
import type { extendAnswer, extendInput, releaseAnswer, releaseInput } from "../wire/settle.ts";

/** `POST /v1/release`. Errors: `hold_unknown`, `hold_expired`, `hold_elsewhere`, `storage_unavailable`. */
export async function release(
  { holds }: HoldParts,
  { hold, reason }: z.output<typeof releaseInput>,
): Promise<z.input<typeof releaseAnswer>> {
  const { requestId, refunded } = await holds.release(hold, reason);
  return { requestId, refunded: creditsToJson(refunded) };
}

/** `POST /v1/extend`. Errors: `hold_unknown`, `hold_expired`, `request_invalid`. */
export async function extend(
  { holds }: HoldParts,
  { hold, ttl }: z.output<typeof extendInput>,
): Promise<z.input<typeof extendAnswer>> {
  const { requestId, expiresInMs } = await holds.extend(hold, ttl * 1_000);
  return { requestId, expiresIn: expiresInMs / 1_000 };
}
