import type { z } from "@hono/zod-openapi";
import type { ApiKey } from "../../../ledger/keys.ts";
import type { keyBody } from "../wire/key.ts";

/** A key as the API shows it: never its text, of which only a hash is kept. */
export function renderKey(key: ApiKey): z.infer<typeof keyBody> {
  return {
    id: key.keyId,
    account: key.accountId,
    name: key.name,
    hint: key.hint,
    state: key.state,
    createdAt: key.createdAt.toISOString(),
    expiresAt: key.expiresAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
  };
}
