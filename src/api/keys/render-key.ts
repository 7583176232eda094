import type { z } from "@hono/zod-openapi";
import { creditsToJson } from "../../domain/credits.ts";
import type { Queryable } from "../../ledger/database/database.ts";
import { type KeyCapState, readKeyCaps } from "../../ledger/keys/key-caps.ts";
import type { ApiKey } from "../../ledger/keys/keys.ts";
import type { keyBody } from "../wire/key.ts";

type KeyBody = z.infer<typeof keyBody>;

/** Keys of one account with their caps as the API shows them: never their texts, of which only hashes are kept. */
export async function renderKeys(db: Queryable, keys: readonly ApiKey[]): Promise<KeyBody[]> {
  const [first] = keys;
  if (first === undefined) return [];
  const caps = await readKeyCaps(
    db,
    first,
    keys.map(({ keyId }) => keyId),
  );
  const capsOf = Map.groupBy(caps, ({ keyId }) => keyId);
  return keys.map((key) => renderKeyWith(key, capsOf.get(key.keyId) ?? []));
}

/** One key; see {@link renderKeys}. */
export async function renderKey(db: Queryable, key: ApiKey): Promise<KeyBody> {
  return renderKeyWith(key, await readKeyCaps(db, key, [key.keyId]));
}

function renderKeyWith(key: ApiKey, caps: readonly KeyCapState[]): KeyBody {
  return {
    id: key.keyId,
    account: key.accountId,
    name: key.name,
    hint: key.hint,
    state: key.state,
    scopes: key.scopes === null ? null : [...key.scopes],
    addresses: key.addresses === null ? null : [...key.addresses],
    caps: caps.map(renderCap),
    createdAt: key.createdAt.toISOString(),
    expiresAt: key.expiresAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
    secretsInGrace: key.secretsInGrace.map(({ hint, rotatedAt, expiresAt, lastUsedAt }) => ({
      hint,
      rotatedAt: rotatedAt.toISOString(),
      expiresAt: expiresAt.toISOString(),
      lastUsedAt: lastUsedAt?.toISOString() ?? null,
    })),
  };
}

function renderCap({
  cap,
  spent,
  held,
  dayEndsAt,
  monthEndsAt,
  source,
}: KeyCapState): KeyBody["caps"][number] {
  const { creditType, day, month, total } = cap;
  return {
    creditType,
    day: day === null ? null : creditsToJson(day),
    month: month === null ? null : creditsToJson(month),
    total: total === null ? null : creditsToJson(total),
    spent: {
      day: creditsToJson(spent.day),
      month: creditsToJson(spent.month),
      total: creditsToJson(spent.total),
    },
    held: creditsToJson(held),
    dayEndsAt: dayEndsAt.toISOString(),
    monthEndsAt: monthEndsAt.toISOString(),
    source,
  };
}
