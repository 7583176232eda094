import type { Queryable, Transaction } from "../database/database.ts";

/** Whom a link signs in: who made it. As {@link OperatorSource} has it; `proofHex` is of the link's text. */
export interface ConsoleLinkSource {
  readonly actor: string;
  readonly tokenId: string | null;
  readonly proofHex: string | null;
}

export interface NewConsoleLink extends ConsoleLinkSource {
  readonly linkId: string;
  /** SHA-256 of its text, in hex. */
  readonly hashHex: string;
  readonly seconds: number;
}

/** Makes a link that signs its maker in, once, within `seconds` by the database's clock. Returns when that is over. */
export async function createConsoleLink(db: Queryable, link: NewConsoleLink): Promise<Date> {
  const { linkId, hashHex, actor, tokenId, proofHex, seconds } = link;
  const [row] = await db.query<{ expiresAt: Date }>(
    `INSERT INTO farebox.console_links (link_id, hash, actor, token_id, proof, expires_at)
     VALUES ($1, decode($2, 'hex'), $3, $4, decode($5::text, 'hex'), statement_timestamp() + make_interval(secs => $6))
     RETURNING expires_at AS "expiresAt"`,
    [linkId, hashHex, actor, tokenId, proofHex, seconds],
  );
  if (row === undefined) throw new Error("an insert gave no row");
  return row.expiresAt;
}

/** The link with this hash, used up by this; undefined for one that is unknown, used or expired. Of two at once one gets it. */
export async function useConsoleLink(
  tx: Transaction,
  hashHex: string,
): Promise<ConsoleLinkSource | undefined> {
  const [used] = await tx.query<{ linkId: string }>(
    `UPDATE farebox.console_links SET used_at = statement_timestamp()
     WHERE hash = decode($1, 'hex') AND used_at IS NULL AND expires_at > statement_timestamp()
     RETURNING link_id AS "linkId"`,
    [hashHex],
  );
  if (used === undefined) return undefined;
  const [row] = await tx.query<ConsoleLinkSource>(
    `SELECT actor, token_id AS "tokenId", encode(proof, 'hex') AS "proofHex"
     FROM farebox.console_links WHERE link_id = $1`,
    [used.linkId],
  );
  return row;
}
