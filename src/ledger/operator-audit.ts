import type { Queryable, Transaction } from "./database/database.ts";

/** What an operator did. */
export interface AuditRecord {
  /** Who: the operator token's name, or the command that ran. */
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

/** Newest first. `before` is the last line's `auditId` of the page before. */
export function listAudit(
  db: Queryable,
  page: {
    readonly accountId?: string | undefined;
    readonly before?: bigint | undefined;
    readonly limit: number;
  },
): Promise<AuditLine[]> {
  return db.query(
    `SELECT audit_id AS "auditId", at, actor, action, account_id AS "accountId", target,
       request_id AS "requestId", detail
     FROM farebox.operator_audit
     WHERE ($1::text IS NULL OR account_id = $1) AND ($2::bigint IS NULL OR audit_id < $2::bigint)
     ORDER BY audit_id DESC LIMIT $3`,
    [page.accountId, page.before, page.limit],
  );
}
