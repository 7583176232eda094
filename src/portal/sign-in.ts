import { hash, randomBytes } from "node:crypto";
import { z } from "zod";
import { AddressRanges } from "../domain/addresses.ts";
import { formatId, ID_RANDOM_BYTES } from "../domain/ids.ts";
import { isWellFormedApiKey } from "../domain/keys/api-key.ts";
import type { Database, Queryable } from "../ledger/database/database.ts";
import { findKey } from "../ledger/keys/keys.ts";
import type { KeyRecord } from "../ledger/ledger.ts";
import { usePortalLink } from "../ledger/sessions/portal-links.ts";
import {
  createSession,
  type Live,
  type PortalSession,
  type SessionTimes,
} from "../ledger/sessions/sessions.ts";

/** What a page signs in with: a key's text, or that of a link. */
export const signInBody = z.union([
  z.strictObject({ key: z.string().min(1).max(500) }),
  z.strictObject({ link: z.string().min(1).max(500) }),
]);

/** The random bytes of a session's text. */
const TEXT_BYTES = 32;

/** The key with this hash, if its holder at this address may use it now. */
export async function findGoodKey(
  db: Queryable,
  hashHex: string,
  address: string,
): Promise<KeyRecord | undefined> {
  const key = await findKey(db, hashHex);
  if (key === undefined || key.state !== "active" || key.accountState !== "active") return undefined;
  if (key.expiresInMs !== null && key.expiresInMs <= 0) return undefined;
  if (key.addresses !== null && !new AddressRanges(key.addresses).includes(address)) return undefined;
  return key;
}

/**
 * Begins a session with a new text: a link is used up in the same transaction, so that of two at once one gets in. Undefined: the
 * key or the link is unknown, over or used; which of them is told to nobody.
 */
export function signIn(
  database: Database,
  asked: z.infer<typeof signInBody>,
  { address, times }: { readonly address: string; readonly times: SessionTimes },
): Promise<{ readonly text: string; readonly session: PortalSession & Live } | undefined> {
  return database.transaction(async (tx) => {
    const of = "key" in asked ? await readKey(tx, asked.key, address) : await readLink(tx, asked.link);
    if (of === undefined) return undefined;
    const text = randomBytes(TEXT_BYTES).toString("base64url");
    const sessionId = formatId("session", randomBytes(ID_RANDOM_BYTES));
    const live = await createSession(tx, { sessionId, hashHex: hash("sha256", text, "hex"), ...times, of });
    return { text, session: { ...of, ...live } };
  });
}

async function readKey(tx: Queryable, text: string, address: string): Promise<PortalSession | undefined> {
  if (!isWellFormedApiKey(text)) return undefined;
  const keyHashHex = hash("sha256", text, "hex");
  const key = await findGoodKey(tx, keyHashHex, address);
  return key && { accountId: key.accountId, access: "manage", keyId: key.keyId, keyHashHex };
}

async function readLink(
  tx: Parameters<typeof usePortalLink>[0],
  text: string,
): Promise<PortalSession | undefined> {
  const link = await usePortalLink(tx, hash("sha256", text, "hex"));
  return link && { accountId: link.accountId, access: link.access, keyId: null, keyHashHex: null };
}
