import { FareboxError } from "../../domain/farebox-error.ts";
import type { GivingLimits, Operator, OperatorRole } from "../../domain/operator-role.ts";
import { microsOf, timeOfMicros } from "../database/cursor.ts";
import type { Queryable, Transaction } from "../database/database.ts";
import { type Page, type PageRequest, readLimit, readPosition, renderPage } from "../database/page.ts";
import { constraintOf } from "../database/storage-error.ts";

/** A token as operators see it. Its text is not stored. */
export interface NamedToken {
  readonly tokenId: string;
  readonly name: string;
  readonly role: OperatorRole;
  /** Of `support` only. */
  readonly limits: GivingLimits | null;
  readonly hint: string;
  /** `expired` by the database's clock when it was read. */
  readonly state: "active" | "expired" | "revoked";
  /** Who made it, as audit rows name them. */
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  /** Up to an hour old. */
  readonly lastUsedAt: Date | null;
}

export interface NewToken {
  readonly tokenId: string;
  readonly name: string;
  readonly role: OperatorRole;
  readonly limits: GivingLimits | null;
  /** SHA-256 of its text, in hex. */
  readonly hashHex: string;
  readonly hint: string;
  readonly createdBy: string;
  readonly expiresAt: Date | null;
}

const STATE = `CASE WHEN revoked_at IS NOT NULL THEN 'revoked'
  WHEN expires_at <= statement_timestamp() THEN 'expired' ELSE 'active' END`;

const COLUMNS = `token_id AS "tokenId", name, role, most_each AS "mostEach", most_daily AS "mostDaily", hint, ${STATE} AS state,
  created_by AS "createdBy", created_at AS "createdAt", expires_at AS "expiresAt", revoked_at AS "revokedAt",
  last_used_at AS "lastUsedAt"`;

/** As {@link COLUMNS} has it. */
interface TokenRow extends Omit<NamedToken, "limits"> {
  readonly mostEach: bigint | null;
  readonly mostDaily: bigint | null;
}

/** Throws FareboxError `token_exists` when a token has or had the name, `token_expiry_past`. */
export async function createToken(tx: Transaction, token: NewToken): Promise<NamedToken> {
  const { tokenId, name, role, limits, hashHex, hint, createdBy, expiresAt } = token;
  const [time] = await tx.query<{ isPast: boolean }>(
    `SELECT coalesce($1::timestamptz <= clock_timestamp(), false) AS "isPast"`,
    [expiresAt],
  );
  if (time?.isPast === true) {
    throw new FareboxError("token_expiry_past", "The token would have expired already.", {
      detail: { errors: [{ path: "expiresAt", reason: "must be in the future" }] },
    });
  }
  try {
    await tx.query(
      `INSERT INTO farebox.operator_tokens
         (token_id, name, role, most_each, most_daily, hash, hint, created_by, expires_at)
       VALUES ($1, $2, $3, $4, $5, decode($6, 'hex'), $7, $8, $9::timestamptz)`,
      [tokenId, name, role, limits?.each, limits?.day, hashHex, hint, createdBy, expiresAt],
    );
  } catch (error) {
    if (constraintOf(error) !== "operator_tokens_name_once") throw error;
    throw new FareboxError("token_exists", `There is or was a token with the name ${name}.`, {
      detail: { name },
      cause: error,
    });
  }
  return await readToken(tx, tokenId);
}

/** Throws FareboxError `token_unknown`. */
async function readToken(db: Queryable, tokenId: string): Promise<NamedToken> {
  const [row] = await db.query<TokenRow>(
    `SELECT ${COLUMNS} FROM farebox.operator_tokens WHERE token_id = $1`,
    [tokenId],
  );
  if (row !== undefined) return readRow(row);
  throw new FareboxError("token_unknown", `There is no token ${tokenId}.`, { detail: { tokenId } });
}

/** Newest first. Throws FareboxError `cursor_invalid`. */
export async function listTokens(db: Queryable, page: PageRequest): Promise<Page<NamedToken>> {
  const rows = await db.query<TokenRow & { micros: bigint }>(
    `SELECT ${COLUMNS}, ${microsOf("created_at")} AS micros FROM farebox.operator_tokens
     WHERE $1::bigint IS NULL OR (created_at, token_id) < (${timeOfMicros("$1")}, $2)
     ORDER BY created_at DESC, token_id DESC LIMIT $3`,
    [...readPosition(page), readLimit(page)],
  );
  const { items, next } = renderPage(rows, page, (row) => row.tokenId);
  return { items: items.map(readRow), next };
}

/** Ends a token for good; one that is revoked stays as it is. Throws FareboxError `token_unknown`. */
export async function revokeToken(tx: Transaction, tokenId: string): Promise<NamedToken> {
  await tx.query(
    `UPDATE farebox.operator_tokens SET revoked_at = statement_timestamp()
     WHERE token_id = $1 AND revoked_at IS NULL`,
    [tokenId],
  );
  return await readToken(tx, tokenId);
}

/** Who has the token with this hash, if it works now. */
export async function findOperator(
  db: Queryable,
  hashHex: string,
): Promise<(Operator & { readonly tokenId: string }) | undefined> {
  const [row] = await db.query<TokenRow & { isUseOld: boolean }>(
    `SELECT ${COLUMNS}, coalesce(last_used_at < statement_timestamp() - interval '1 hour', true) AS "isUseOld"
     FROM farebox.operator_tokens WHERE hash = decode($1, 'hex')`,
    [hashHex],
  );
  if (row?.state !== "active") return undefined;
  if (row.isUseOld) {
    await db.query(
      `UPDATE farebox.operator_tokens SET last_used_at = statement_timestamp() WHERE token_id = $1`,
      [row.tokenId],
    );
  }
  const { tokenId, name, role, limits } = readRow(row);
  return { actor: `token:${name}`, role, limits, tokenId };
}

function readRow({ mostEach, mostDaily, ...rest }: TokenRow): NamedToken {
  return {
    ...rest,
    limits: mostEach === null || mostDaily === null ? null : { each: mostEach, day: mostDaily },
  };
}
