import { hash, randomBytes } from "node:crypto";
import type { z } from "@hono/zod-openapi";
import { formatId, ID_RANDOM_BYTES } from "../../domain/ids.ts";
import type { KeyForms } from "../../domain/keys/key-form.ts";
import type { FieldFault } from "../../domain/refusal.ts";
import { lockAccount } from "../../ledger/accounts/accounts.ts";
import type { Transaction } from "../../ledger/database/database.ts";
import { createKey, findKey } from "../../ledger/keys/keys.ts";
import { refuseFields } from "../problem.ts";
import type { Mutation } from "../run-mutation.ts";
import type { importedKeys, keyImport } from "../wire/key-import.ts";

type Given = z.infer<typeof keyImport>["keys"][number];
type Body = z.infer<typeof importedKeys>;

/**
 * Keys that exist already, by text or by hash: a text is hashed and forgotten. What the account has already stays as it is, so the same
 * file can be imported again. Throws what {@link createKey} does, and `request_invalid` for texts of no known form.
 */
export async function importKeys(
  tx: Transaction,
  forms: KeyForms,
  accountId: string,
  keys: readonly Given[],
): Promise<Mutation<Body>> {
  refuseUnknownForms(forms, keys);
  // Whoever imports the same into this account waits here, and finds it.
  await lockAccount(tx, accountId);
  const hashed = keys.map((given, place) => ({ given, place, hashHex: hashOf(forms, given) }));
  const outcomes: Body["keys"] = [];
  // In one order: two accounts that import the same keys must not wait for each other.
  for (const { given, place, hashHex } of hashed.toSorted((a, b) =>
    a.hashHex < b.hashHex ? -1 : Number(a.hashHex > b.hashHex),
  )) {
    outcomes[place] = await importKey(tx, forms, accountId, given, hashHex);
  }
  const count = (outcome: Body["keys"][number]["outcome"]): number =>
    outcomes.filter((one) => one.outcome === outcome).length;
  const counts = { imported: count("imported"), existing: count("existing"), taken: count("taken") };
  return {
    body: { ...counts, keys: outcomes },
    audit: { action: "key.import", accountId, target: accountId, detail: counts },
  };
}

async function importKey(
  tx: Transaction,
  forms: KeyForms,
  accountId: string,
  { key, hint, name = "", scopes = null, addresses = null, expiresAt }: Given,
  hashHex: string,
): Promise<Body["keys"][number]> {
  const known = await findKey(tx, hashHex);
  if (known !== undefined) {
    return known.accountId === accountId
      ? { outcome: "existing", id: known.keyId }
      : { outcome: "taken", id: null };
  }
  const shown = key === undefined ? (hint ?? `sha256:${hashHex.slice(0, 8)}`) : forms.hintOf(key);
  const keyId = formatId("key", randomBytes(ID_RANDOM_BYTES));
  const secret = { hashHex, prefix: "", hint: shown };
  await createKey(tx, { ...secret, keyId, accountId, name, scopes, addresses, expiresAt: expiresAt ?? null });
  return { outcome: "imported", id: keyId };
}

function hashOf(forms: KeyForms, { key, sha256 }: Given): string {
  return sha256 ?? hash("sha256", forms.hashedText(key ?? ""), "hex");
}

/** One that no request could bring would be a key that never works. */
function refuseUnknownForms(forms: KeyForms, keys: readonly Given[]): void {
  const faults = keys.flatMap(({ key }, index): FieldFault[] =>
    key === undefined || forms.isKnown(key)
      ? []
      : [{ path: `keys[${index}].key`, reason: "has no form of keys.imported, or its checksum is wrong" }],
  );
  if (faults.length > 0) refuseFields(faults);
}
