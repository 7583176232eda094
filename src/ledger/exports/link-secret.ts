import { randomBytes } from "node:crypto";
import type { Queryable } from "../database/database.ts";

const NAME = "export_links";
const SECRET_BYTES = 32;

/** What download links are signed with: made by the first instance that starts, the same for all. */
export async function ensureLinkSecret(db: Queryable): Promise<Uint8Array> {
  await db.query("INSERT INTO farebox.secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", [
    NAME,
    randomBytes(SECRET_BYTES),
  ]);
  const [row] = await db.query<{ value: Uint8Array }>("SELECT value FROM farebox.secrets WHERE name = $1", [
    NAME,
  ]);
  if (row === undefined) throw new Error("the secret of download links has gone");
  return row.value;
}
