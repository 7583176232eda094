import { UUID } from "../../domain/ids.ts";
import { askShards, eachServer } from "../database/ask-shards.ts";
import { microsOf, timeOfMicros } from "../database/cursor.ts";
import type { Database, Queryable } from "../database/database.ts";
import { type Page, type PageRequest, readLimit, readPosition, renderPage } from "../database/page.ts";
import type { ExportJob, ExportPart, ExportState } from "./export-job.ts";

/** As the tables have it. */
interface ExportRow extends Omit<ExportJob, "request" | "expected" | "bytes" | "failure" | "charge"> {
  readonly params: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly expected: bigint | null;
  readonly bytes: bigint;
  readonly failureCode: string | null;
  readonly failureText: string | null;
  readonly charged: bigint | null;
  readonly chargedSeq: bigint | null;
  readonly balanceAfter: bigint | null;
}

/** The database's clock decides: the files are over before the sweep has been there. */
const STATE = `CASE WHEN x.state IN ('ready', 'charged') AND x.expires_at <= statement_timestamp() THEN 'expired' ELSE x.state END`;

const COLUMNS = `x.export_id AS "exportId", a.account_id AS "accountId", x.shard, t.credit_type AS "creditType",
  k.key_id AS "keyId", x.kind, e.endpoint, x.params, x.body, ${STATE} AS state, x.policy, x.charge_at AS "chargeAt", x.format, x.gzip,
  x.part_records AS "partRecords", x.max_records AS "maxRecords", x.when_more AS "whenMore", x.price,
  x.price_list AS "priceList", coalesce(h.amount, 0) AS held, x.expected, x.records, x.bytes, x.parts,
  x.left_out AS "leftOut", x.failure_code AS "failureCode", x.failure AS "failureText", x.charged,
  x.charged_seq AS "chargedSeq", x.balance_after AS "balanceAfter", x.created_at AS "createdAt",
  x.started_at AS "startedAt", x.ready_at AS "readyAt", x.charged_at AS "chargedAt", x.ended_at AS "endedAt",
  x.expires_at AS "expiresAt"`;

const TABLES = `farebox.exports x
  JOIN farebox.accounts a ON a.account_no = x.account_no JOIN farebox.credit_types t ON t.type_no = x.type_no
  JOIN farebox.keys k ON k.key_no = x.key_no JOIN farebox.endpoints e ON e.endpoint_no = x.endpoint_no
  LEFT JOIN farebox.holds h ON h.account_no = x.account_no AND h.type_no = x.type_no AND h.hold_id = x.hold_id
    AND h.shard = x.shard AND h.state = 'live' AND h.expires_at > statement_timestamp()`;

/** Undefined: the shard has none with this id. A text that is no UUID is no id either. */
export async function readExport(
  db: Queryable,
  shard: number,
  exportId: string,
): Promise<ExportJob | undefined> {
  if (!isExportId(exportId)) return undefined;
  const [row] = await db.query<ExportRow>(
    { name: "export", text: `SELECT ${COLUMNS} FROM ${TABLES} WHERE x.export_id = $1 AND x.shard = $2` },
    [exportId, shard],
  );
  return row === undefined ? undefined : renderExport(row);
}

/** One spelling only, so that an id is the same text everywhere. */
function isExportId(text: string): boolean {
  return UUID.test(text);
}

export interface ListExportsQuery extends PageRequest {
  readonly states?: readonly ExportState[] | undefined;
}

/** An account's, newest first. Throws FareboxError `cursor_invalid`. */
export async function listExports(
  db: Queryable,
  account: { readonly accountId: string; readonly shard: number },
  query: ListExportsQuery,
): Promise<Page<ExportJob>> {
  return renderList(await listOfShard(db, account.shard, account.accountId, query), query);
}

/** Of all accounts, newest first: the newest of each shard, put in order. Throws FareboxError `cursor_invalid`. */
export async function listAllExports(
  database: Database,
  shards: readonly number[],
  query: ListExportsQuery,
): Promise<Page<ExportJob>> {
  const rows: ListedRow[] = [];
  for (const shard of shards) rows.push(...(await listOfShard(database, shard, null, query)));
  const newest = rows.toSorted(
    (left, right) => Number(right.micros - left.micros) || (left.exportId < right.exportId ? 1 : -1),
  );
  return renderList(newest.slice(0, readLimit(query)), query);
}

type ListedRow = ExportRow & { readonly micros: bigint };

function listOfShard(
  db: Queryable,
  shard: number,
  accountId: string | null,
  query: ListExportsQuery,
): Promise<ListedRow[]> {
  return db.query<ListedRow>(
    `SELECT ${COLUMNS}, ${microsOf("x.created_at")} AS micros FROM ${TABLES}
     WHERE x.shard = $1 AND ($2::text IS NULL OR a.account_id = $2) AND ($3::text[] IS NULL OR ${STATE} = ANY ($3))
       AND ($4::bigint IS NULL OR (x.created_at, x.export_id) < (${timeOfMicros("$4")}, $5::uuid))
     ORDER BY x.created_at DESC, x.export_id DESC LIMIT $6`,
    [shard, accountId, query.states ?? null, ...readPosition(query, "uuid"), readLimit(query)],
  );
}

function renderList(rows: readonly ListedRow[], query: PageRequest): Page<ExportJob> {
  const { items, next } = renderPage(rows, query, (row: ExportRow) => row.exportId);
  return { items: items.map(renderExport), next };
}

/** Looks for it in every shard: for operators, who know an id alone. */
export async function findExport(
  database: Database,
  shards: readonly number[],
  exportId: string,
): Promise<ExportJob | undefined> {
  for (const shard of shards) {
    const job = await readExport(database, shard, exportId);
    if (job !== undefined) return job;
  }
  return undefined;
}

/** The shards in which a worker would find something to do. Those of a server that does not answer are left out, unless none does. */
export async function listExportWork(
  database: Database,
  shards: readonly number[],
  kinds: readonly string[],
): Promise<number[]> {
  const asked = await eachServer(database, shards, async (its) => {
    const call = (shard: string): string => `farebox.export_work_due(${shard}, $1)`;
    const due = await askShards<boolean>(database, "export-work-due", call, its, [kinds]);
    return its.filter((_, index) => due[index] === true);
  });
  const answers = asked.filter((answer) => answer.status === "fulfilled");
  const failure = asked.find((answer) => answer.status === "rejected");
  if (answers.length === 0 && failure !== undefined) throw failure.reason;
  return answers.flatMap(({ value }) => value);
}

/** In their order. */
export async function listParts(
  db: Queryable,
  { exportId, shard }: Pick<ExportJob, "exportId" | "shard">,
): Promise<ExportPart[]> {
  const rows = await db.query<Omit<ExportPart, "bytes"> & { bytes: bigint }>(`${PARTS} ORDER BY p.part`, [
    exportId,
    shard,
  ]);
  return rows.map(renderPart);
}

export async function readPart(
  db: Queryable,
  { exportId, shard }: Pick<ExportJob, "exportId" | "shard">,
  part: number,
): Promise<ExportPart | undefined> {
  const [row] = await db.query<Omit<ExportPart, "bytes"> & { bytes: bigint }>(`${PARTS} AND p.part = $3`, [
    exportId,
    shard,
    part,
  ]);
  return row === undefined ? undefined : renderPart(row);
}

const PARTS = `SELECT p.part, p.object, p.records, p.bytes, encode(p.sha256, 'hex') AS sha256, p.created_at AS "createdAt"
  FROM farebox.export_parts p WHERE p.export_id = $1 AND p.shard = $2`;

function renderPart(row: Omit<ExportPart, "bytes"> & { readonly bytes: bigint }): ExportPart {
  return { ...row, bytes: Number(row.bytes) };
}

function renderExport(row: ExportRow): ExportJob {
  const { params, body, failureCode, failureText, charged, chargedSeq, balanceAfter, ...rest } = row;
  return {
    ...rest,
    request: body === null ? { params } : { params, body },
    expected: row.expected === null ? null : Number(row.expected),
    bytes: Number(row.bytes),
    failure: failureCode === null ? null : { code: failureCode, message: failureText ?? "" },
    charge:
      charged === null
        ? null
        : { seq: chargedSeq === null ? null : Number(chargedSeq), charged, balance: balanceAfter ?? 0n },
  };
}
