import type { AuditReport } from "../audit/audit.ts";
import type { Queryable } from "../database/database.ts";

/** What the last audit found. */
export interface LastAudit {
  readonly finishedAt: Date;
  readonly durationMs: number;
  readonly pools: number;
  readonly entries: number;
  /** 0: the books were sound. */
  readonly findings: number;
}

/** Remembers an audit's result in the place of the one before. */
export async function writeLastAudit(db: Queryable, report: AuditReport, durationMs: number): Promise<void> {
  await db.query(
    `INSERT INTO farebox.last_audit AS l (audit_no, finished_at, duration_ms, pools, entries, findings)
     VALUES (1, statement_timestamp(), $1, $2, $3, $4)
     ON CONFLICT (audit_no) DO UPDATE SET finished_at = excluded.finished_at, duration_ms = excluded.duration_ms,
       pools = excluded.pools, entries = excluded.entries, findings = excluded.findings`,
    [Math.round(durationMs), report.pools, report.entries, report.findings.length],
  );
}

/** Undefined: none was run. */
export async function readLastAudit(db: Queryable): Promise<LastAudit | undefined> {
  const [row] = await db.query<Omit<LastAudit, "pools" | "entries"> & { pools: bigint; entries: bigint }>(
    `SELECT finished_at AS "finishedAt", duration_ms AS "durationMs", pools, entries, findings FROM farebox.last_audit`,
  );
  return row && { ...row, pools: Number(row.pools), entries: Number(row.entries) };
}
