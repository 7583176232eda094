import { randomBytes } from "node:crypto";
import type { z } from "@hono/zod-openapi";
import { formatId, ID_RANDOM_BYTES } from "../../domain/ids.ts";
import type { Transaction } from "../../ledger/database/database.ts";
import { issueKey, type KeyLooks } from "../../ledger/keys/key-secret.ts";
import { createKey, type KeyUpdate, type NewKey, revokeKey, updateKey } from "../../ledger/keys/keys.ts";
import { rotateKey } from "../../ledger/keys/rotate-key.ts";
import type { Mutation } from "../run-mutation.ts";
import type { keyBody } from "../wire/key.ts";
import { renderKey } from "./render-key.ts";
import { seal } from "./seal.ts";

type KeyBody = z.infer<typeof keyBody>;

/** A key with its new text, which is stored for repetitions and therefore sealed. */
type SealedKeyBody = KeyBody & { readonly sealed: string };

/** How texts of keys begin, and the secret of the caller that seals them. */
interface Issue {
  readonly looks: KeyLooks;
  readonly sealWith: string;
}

/*
 * What changes of keys do in both APIs, with the audit rows that they leave. Who may ask for them is each API's own question.
 */

/** A new key. Throws what {@link createKey} does. */
export async function createSealedKey(
  tx: Transaction,
  { looks, sealWith }: Issue,
  given: Required<Pick<NewKey, "accountId" | "name" | "scopes" | "addresses" | "caps" | "expiresAt">>,
): Promise<Mutation<SealedKeyBody>> {
  const { text, secret } = issueKey(looks);
  const keyId = formatId("key", randomBytes(ID_RANDOM_BYTES));
  const key = await createKey(tx, { ...secret, keyId, ...given });
  const shown = await renderKey(tx, key);
  const { accountId, name, scopes, addresses } = given;
  const { hint } = key;
  const detail = { name, hint, scopes, addresses, caps: shown.caps, expiresAt: shown.expiresAt };
  return {
    body: { ...shown, sealed: seal(sealWith, text) },
    audit: { action: "key.create", accountId, target: keyId, detail },
  };
}

/** A new text for a key; the former one works for the grace. Throws what {@link rotateKey} does. */
export async function rotateSealedKey(
  tx: Transaction,
  { looks, sealWith }: Issue,
  keyId: string,
  graceSeconds: number,
): Promise<Mutation<SealedKeyBody>> {
  const { text, secret } = issueKey(looks);
  const key = await rotateKey(tx, keyId, { ...secret, graceSeconds });
  const { accountId, hint } = key;
  return {
    body: { ...(await renderKey(tx, key)), sealed: seal(sealWith, text) },
    audit: { action: "key.rotate", accountId, target: keyId, detail: { hint, graceSeconds } },
  };
}

/** What the change leaves out stays. Throws what {@link updateKey} does. */
export async function changeKey(
  tx: Transaction,
  keyId: string,
  change: KeyUpdate,
): Promise<Mutation<KeyBody>> {
  const key = await updateKey(tx, keyId, change);
  const body = await renderKey(tx, key);
  // Of the fields that the request names: what they are from now on.
  const named = new Set(Object.entries(change).flatMap(([name, to]) => (to === undefined ? [] : [name])));
  const detail = Object.fromEntries(Object.entries(body).filter(([name]) => named.has(name)));
  return { body, audit: { action: "key.update", accountId: key.accountId, target: keyId, detail } };
}

/** Revokes a key. Throws what {@link revokeKey} does. */
export async function endKey(tx: Transaction, keyId: string): Promise<Mutation<KeyBody>> {
  const key = await revokeKey(tx, keyId);
  const { accountId, hint } = key;
  return {
    body: await renderKey(tx, key),
    audit: { action: "key.revoke", accountId, target: keyId, detail: { hint } },
  };
}
