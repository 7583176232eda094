import { randomBytes } from "node:crypto";
import type { Queryable } from "../database/database.ts";

const SECRET_BYTES = 32;

/** What texts are signed with that any instance reads: made by the first instance that starts, the same for all. A start writes only what is new. */
export async function ensureSecret(db: Queryable, name: "export_links" | "holds"): Promise<Uint8Array> {
  const known = await readSecret(db, name);
  if (known !== undefined) return known;
  await db.query("INSERT INTO farebox.secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", [
    name,
    randomBytes(SECRET_BYTES),
  ]);
  const made = await readSecret(db, name);
  if (made === undefined) throw new Error(`the secret ${name} has gone`);
  return made;
}

async function readSecret(db: Queryable, name: string): Promise<Uint8Array | undefined> {
  const [row] = await db.query<{ value: Uint8Array }>("SELECT value FROM farebox.secrets WHERE name = $1", [
    name,
  ]);
  return row?.value;
}
