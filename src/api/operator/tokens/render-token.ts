import type { z } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import type { GivingLimits } from "../../../domain/operator-role.ts";
import type { NamedToken } from "../../../ledger/operators/operator-tokens.ts";
import type { tokenBody } from "../../wire/token.ts";

export function renderToken(token: NamedToken): z.infer<typeof tokenBody> {
  const { tokenId, name, role, limits, hint, state, createdBy } = token;
  return {
    id: tokenId,
    name,
    role,
    limits: renderLimits(limits),
    hint,
    state,
    createdBy,
    createdAt: token.createdAt.toISOString(),
    expiresAt: token.expiresAt?.toISOString() ?? null,
    revokedAt: token.revokedAt?.toISOString() ?? null,
    lastUsedAt: token.lastUsedAt?.toISOString() ?? null,
  };
}

export function renderLimits(limits: GivingLimits | null): { each: number; day: number } | null {
  return limits === null ? null : { each: creditsToJson(limits.each), day: creditsToJson(limits.day) };
}
