import type { Transaction } from "../database/database.ts";

/** What a portal session may do: look, or manage the account's keys too, as far as self-service lets customers. */
export type PortalAccess = "read" | "manage";

export interface PortalLink {
  readonly linkId: string;
  readonly accountId: string;
  readonly access: PortalAccess;
  readonly expiresAt: Date;
}

/** Makes a link that works once within `seconds` by the database's clock. The account is there, its caller knows. */
export async function createPortalLink(
  tx: Transaction,
  link: Omit<PortalLink, "expiresAt"> & {
    readonly hashHex: string;
    readonly seconds: number;
  },
): Promise<PortalLink> {
  const { linkId, hashHex, accountId, access, seconds } = link;
  const [row] = await tx.query<{ expiresAt: Date }>(
    `INSERT INTO farebox.portal_links (link_id, hash, account_id, access, expires_at)
     VALUES ($1, decode($2, 'hex'), $3, $4, statement_timestamp() + make_interval(secs => $5))
     RETURNING expires_at AS "expiresAt"`,
    [linkId, hashHex, accountId, access, seconds],
  );
  if (row === undefined) throw new Error("an insert gave no row");
  return { linkId, accountId, access, expiresAt: row.expiresAt };
}

/** The link with this hash, used up by this; undefined for one that is unknown, used or expired. Of two at once one gets it. */
export async function usePortalLink(
  tx: Transaction,
  hashHex: string,
): Promise<Pick<PortalLink, "linkId" | "accountId" | "access"> | undefined> {
  const [row] = await tx.query<Pick<PortalLink, "linkId" | "accountId" | "access">>(
    `UPDATE farebox.portal_links SET used_at = statement_timestamp()
     WHERE hash = decode($1, 'hex') AND used_at IS NULL AND expires_at > statement_timestamp()
     RETURNING link_id AS "linkId", account_id AS "accountId", access`,
    [hashHex],
  );
  return row;
}
