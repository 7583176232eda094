import type { Queryable } from "../database/database.ts";
import { ensureSecret } from "../instance/secret.ts";

/** What download links are signed with. */
export function ensureLinkSecret(db: Queryable): Promise<Uint8Array> {
  return ensureSecret(db, "export_links");
}
