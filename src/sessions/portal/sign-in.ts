import { hash } from "node:crypto";
import { z } from "zod";
import { AddressRanges } from "../../domain/addresses.ts";
import type { KeyForms } from "../../domain/keys/key-form.ts";
import type { Database, Queryable } from "../../ledger/database/database.ts";
import { findKey } from "../../ledger/keys/keys.ts";
import type { KeyRecord } from "../../ledger/ledger.ts";
import { usePortalLink } from "../../ledger/sessions/portal-links.ts";
import { createPortalSession, type PortalSession } from "../../ledger/sessions/portal-sessions.ts";
import type { Live } from "../../ledger/sessions/session-rows.ts";
import type { FreshSession } from "../session-endpoint.ts";

/** What a page signs in with: a key's text, or that of a link. */
export const signInBody = z.union([
  z.strictObject({ key: z.string().min(1).max(500) }),
  z.strictObject({ link: z.string().min(1).max(500) }),
]);

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
 * Begins a customer's session: a link is used up in the same transaction, so that of two at once one gets in. Undefined: the key or
 * the link is unknown, over or used; which of them is told to nobody.
 */
export function signIn(
  database: Database,
  asked: z.infer<typeof signInBody>,
  {
    fresh,
    address,
    forms,
  }: { readonly fresh: FreshSession; readonly address: string; readonly forms: KeyForms },
): Promise<(PortalSession & Live) | undefined> {
  return database.transaction(async (tx) => {
    const of =
      "key" in asked ? await readKey(tx, asked.key, { address, forms }) : await readLink(tx, asked.link);
    if (of === undefined) return undefined;
    return { ...of, ...(await createPortalSession(tx, fresh.row, of)) };
  });
}

async function readKey(
  tx: Queryable,
  text: string,
  { address, forms }: { readonly address: string; readonly forms: KeyForms },
): Promise<PortalSession | undefined> {
  if (!forms.isKnown(text)) return undefined;
  const keyHashHex = hash("sha256", forms.hashedText(text), "hex");
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
