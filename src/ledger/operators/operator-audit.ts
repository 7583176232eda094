import { microsOf, timeOfMicros } from "../database/cursor.ts";
import type { Queryable, Transaction } from "../database/database.ts";
import { type Page, type PageRequest, readLimit, readPosition, renderPage } from "../database/page.ts";

/** What an operator did, a customer with their own keys, or Farebox itself. */
export interface AuditRecord {
  /** Who: `operator` (the operator token), `token:` and a token's name, `key:` and the id of the customer's key that asked, or `farebox` itself in the background. */
  readonly actor: string;
  /** `account.create`, `key.revoke`. */
  readonly action: string;
  readonly accountId?: string | undefined;
  /** The id of what was created or changed. */
  readonly target?: string | undefined;
  readonly requestId?: string | undefined;
  readonly detail?: Readonly<Record<string, unknown>>;
}

export interface AuditLine {
  readonly auditId: bigint;
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  readonly accountId: string | null;
  readonly target: string | null;
  readonly requestId: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Writes the line in the mutation's own transaction: neither exists without the other. */
export async function writeAudit(tx: Transaction, record: AuditRecord): Promise<void> {
  await tx.query(
    `INSERT INTO farebox.operator_audit (actor, action, account_id, target, request_id, detail)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [
      record.actor,
      record.action,
      record.accountId,
      record.target,
      record.requestId,
      JSON.stringify(record.detail ?? {}),
    ],
  );
}

/** Which lines. All filters apply together. */
export interface AuditFilter {
  readonly accountId?: string | undefined;
  readonly action?: string | undefined;
  readonly actor?: string | undefined;
  readonly target?: string | undefined;
  /** At or after this moment. */
  readonly from?: Date | undefined;
  /** Before this moment. */
  readonly to?: Date | undefined;
}

/** Newest first. Throws FareboxError `cursor_invalid`. */
export async function listAudit(db: Queryable, page: PageRequest & AuditFilter): Promise<Page<AuditLine>> {
  const { accountId, action, actor, target, from, to } = page;
  const rows = await db.query<AuditLine & { micros: bigint }>(
    `SELECT audit_id AS "auditId", at, actor, action, account_id AS "accountId", target,
       request_id AS "requestId", detail, ${microsOf("at")} AS micros
     FROM farebox.operator_audit
     WHERE ($1::bigint IS NULL OR (at, audit_id) < (${timeOfMicros("$1")}, $2::bigint))
       AND ($4::text IS NULL OR account_id = $4) AND ($5::text IS NULL OR action = $5)
       AND ($6::text IS NULL OR actor = $6) AND ($7::text IS NULL OR target = $7)
       AND ($8::timestamptz IS NULL OR at >= $8) AND ($9::timestamptz IS NULL OR at < $9)
     ORDER BY at DESC, audit_id DESC LIMIT $3`,
    [...readPosition(page, "bigint"), readLimit(page), accountId, action, actor, target, from, to],
  );
  return renderPage(rows, page, (line) => String(line.auditId));
}
