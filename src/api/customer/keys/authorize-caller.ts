import { hash } from "node:crypto";
import type { AccountRequest, AccountSession } from "../../../contract/account-endpoint.ts";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { lockAccount } from "../../../ledger/accounts/accounts.ts";
import type { Queryable, Transaction } from "../../../ledger/database/database.ts";
import { readKeyCaps } from "../../../ledger/keys/key-caps.ts";
import { isPresentText } from "../../../ledger/keys/key-standing.ts";
import { type ApiKey, readKey } from "../../../ledger/keys/keys.ts";
import { isSessionLive } from "../../../ledger/sessions/portal-sessions.ts";
import type { CustomerServices } from "../customer-services.ts";

/** Throws FareboxError `action_not_permitted` unless the provider lets customers manage their keys. */
export function requireSelfService({ config }: Pick<CustomerServices, "config">): void {
  if (config.customerApi.selfService.keys) return;
  refuse("The provider of this API manages its keys: self-service is off.");
}

/**
 * Whether a key is limited: it has scopes, addresses, caps of its own or an end. What is limited must not make or take over what is
 * not, or its limits would be none: it sees and manages itself only.
 */
export async function isLimited(db: Queryable, key: ApiKey): Promise<boolean> {
  if (key.scopes !== null || key.addresses !== null || key.expiresAt !== null) return true;
  const caps = await readKeyCaps(db, key, [key.keyId]);
  return caps.some(({ source }) => source === "key");
}

/**
 * The start of every change of keys: locks the caller's account, so that an account's changes run one after the other, and
 * judges the caller by what the database says now. A text from before a rotation still calls the API, but changes nothing:
 * whoever has found one must not be able to outlive its grace.
 *
 * Throws FareboxError `action_not_permitted`.
 */
async function lockCaller(tx: Transaction, caller: AccountRequest): Promise<ApiKey | undefined> {
  const { accountId, keyId, keyText, keyHashHex, session } = caller;
  await lockAccount(tx, accountId);
  if (session !== undefined) await requireManager(tx, session);
  if (keyId === undefined) return undefined;
  const key = await readKey(tx, keyId);
  if (key.state !== "active") refuse("This key does not work any more.");
  if (
    !(await isPresentText(tx, key.keyId, session?.keyHashHex ?? keyHashHex ?? hash("sha256", keyText, "hex")))
  ) {
    refuse("This is a former text of its key: changes need the present one.");
  }
  return key;
}

/** Judged under the account's lock: a session that was ended meanwhile changes nothing any more. */
async function requireManager(tx: Transaction, { sessionId, access }: AccountSession): Promise<void> {
  if (access !== "manage") refuse("You may look, and change nothing: the link that you came by says so.");
  if (!(await isSessionLive(tx, sessionId))) refuse("You are not signed in any more.");
}

/** The caller, who may make and change any key of the account. Throws FareboxError `action_not_permitted`. */
export async function lockManager(tx: Transaction, caller: AccountRequest): Promise<void> {
  const key = await lockCaller(tx, caller);
  if (key !== undefined && (await isLimited(tx, key))) {
    refuse(
      "A key with scopes, addresses, caps of its own or an expiry may rotate and revoke itself, and nothing else.",
    );
  }
}

/**
 * A key that the caller may rotate or revoke: itself, or any of its account when it is not limited. A key of another account
 * is as unknown as one that never was. Throws FareboxError `key_unknown`, `action_not_permitted`.
 */
export async function lockTarget(tx: Transaction, caller: AccountRequest, keyId: string): Promise<ApiKey> {
  if (keyId === caller.keyId) await lockCaller(tx, caller);
  else await lockManager(tx, caller);
  return await readOwnKey(tx, caller, keyId);
}

/** A key of the caller's account. Throws FareboxError `key_unknown` for all others. */
export async function readOwnKey(db: Queryable, caller: AccountRequest, keyId: string): Promise<ApiKey> {
  const key = await readKey(db, keyId);
  if (key.accountId === caller.accountId) return key;
  throw new FareboxError("key_unknown", `There is no key ${keyId}.`, { detail: { keyId } });
}

function refuse(reason: string): never {
  throw new FareboxError("action_not_permitted", reason);
}
