import type { Credits } from "../../domain/credits.ts";
import type { Parameter, Queryable } from "../database/database.ts";
import type { UsageReportQuery, UsageRow } from "./usage-query.ts";
import { divideBuckets } from "./usage-spans.ts";

/** What one line of a report sums up in one of its buckets. */
export interface FoundSums extends Pick<UsageRow, "accountId" | "creditType" | "endpoint" | "keyId"> {
  /** From 1 on. */
  readonly bucket: number;
  readonly requests: bigint;
  readonly units: bigint;
  readonly credits: Credits;
  readonly refunded: Credits;
}

/** Which sums are read: of the lines of a query, between each bound and the next. */
export interface SumsQuery extends Pick<UsageReportQuery, "creditType" | "endpoint" | "keyId" | "groupBy"> {
  readonly shard: number;
  /** Undefined: all accounts of the shard. */
  readonly accountId: string | undefined;
  /** The beginnings of the buckets and the end of the last one. */
  readonly bounds: readonly Date[];
  /**
   * Whether the entries that are not rolled up yet are added: without them a report is older, and with them exact. A number, of one
   * account only: as long as there are not more of them.
   */
  readonly tails: boolean | number;
  readonly limit: number;
  /** Only these entries behind a roll-up, and no roll-up. */
  readonly piece?: TailPiece | undefined;
}

/** Entries of a pool behind its roll-up: those behind `seq`, up to `lastSeq`. */
export interface TailPiece {
  readonly accountNo: number;
  readonly typeNo: number;
  readonly seq: bigint;
  readonly lastSeq: bigint;
  /** No later than the time of the first, as Postgres writes it. */
  readonly at: string;
}

/** Sums, and until when they are complete. */
export interface FoundUsage {
  readonly sums: readonly FoundSums[];
  /** The first moment of which something may be missing; undefined: nothing is, or nobody asked for it. */
  readonly completeUntil: Date | undefined;
}

/** The sums of a shard, of roll-ups and of the entries behind them: one statement, which is one snapshot. */
export async function readUsageSums(db: Queryable, query: SumsQuery): Promise<FoundUsage> {
  const { accountId, tails, groupBy, piece } = query;
  const grouped = (by: SumsQuery["groupBy"][number], name: string): string =>
    groupBy.includes(by) ? name : "NULL::text";
  const parameters = piece === undefined ? sumsParameters(query) : pieceParameters(query, piece);
  const isBounded = typeof tails === "number";
  if (piece === undefined && accountId !== undefined) parameters.push(accountId);
  if (isBounded) parameters.push(tails);
  const late = isBounded ? LATE : `SELECT ${!tails} AS is`;
  const { what, pools, source } = sourceOf(query);
  const text = `WITH pools AS MATERIALIZED (${pools}), late AS MATERIALIZED (${late})
     SELECT coalesce(s.bucket, 1) AS bucket, ${grouped("account", ACCOUNT)} AS "accountId", ${CREDIT_TYPE} AS "creditType",
       ${grouped("endpoint", ENDPOINT)} AS endpoint, ${grouped("key", KEY)} AS "keyId",
       s.requests, s.units, s.credits, s.refunded, ${isBounded ? COMPLETE_UNTIL : "NULL::timestamptz"} AS "completeUntil"
     FROM late l LEFT JOIN (
       SELECT u.bucket, ${groupBy.includes("account") ? "u.account_no" : "NULL::int AS account_no"}, u.type_no,
         ${groupBy.includes("endpoint") ? "u.endpoint_no" : "NULL::int AS endpoint_no"},
         ${groupBy.includes("key") ? "u.key_no" : "NULL::int AS key_no"},
         sum(u.requests)::bigint AS requests, sum(u.units)::bigint AS units, sum(u.credits)::bigint AS credits,
         sum(u.refunded)::bigint AS refunded
       FROM (${source}) u (bucket, account_no, type_no, endpoint_no, key_no, requests, units, credits, refunded)
       GROUP BY 1, 2, 3, 4, 5 HAVING ${IS_SUM} LIMIT $6
     ) s ON true`;
  // The texts are as many as the groups and bounds can be combined: each is planned once for each connection.
  const name = `usage ${what} ${isBounded ? "bounded" : tails} ${groupBy.toSorted().join(" ")}`;
  const rows = await db.query<FoundSums & { readonly completeUntil: Date | null }>(
    { name, text },
    parameters,
  );
  return foundIn(rows);
}

/** What is summed, and of which pools: `pools` and `late` are what a source reads of its statement. */
function sourceOf({ accountId, groupBy, piece }: SumsQuery): {
  readonly what: string;
  readonly pools: string;
  readonly source: string;
} {
  if (piece !== undefined) return { what: "piece", pools: PIECE, source: tails("AND t.seq <= p.last_seq") };
  const behind = `${tails()} AND NOT (SELECT o.is FROM late o)`;
  return accountId === undefined
    ? { what: "all", pools: POOLS_BEHIND, source: `${rollUpsOfAll(groupBy)} UNION ALL ${behind}` }
    : {
        what: "one",
        pools: POOLS_OF_ACCOUNT,
        source: `${rollUpsOfPools(groupBy, spans(7))} UNION ALL ${behind}`,
      };
}

/** What an account has behind its roll-ups, a part for each pool. */
export async function listTails(
  db: Queryable,
  { accountId, shard, creditType }: Pick<SumsQuery, "shard" | "creditType"> & { readonly accountId: string },
): Promise<TailPiece[]> {
  return db.query<TailPiece>(
    `SELECT p.account_no AS "accountNo", p.type_no AS "typeNo", coalesce(r.seq, 0) AS seq, p.last_seq AS "lastSeq",
       coalesce(r.at, '-infinity')::text AS at
     FROM farebox.pools p ${ROLLED}
     WHERE p.account_no = (SELECT a.account_no FROM farebox.accounts a WHERE a.account_id = $2) AND p.shard = $1 AND ${OF_TYPE}
       AND p.last_seq > coalesce(r.seq, 0)`,
    [shard, accountId, creditType],
  );
}

/** Without any sum there is a row all the same, with nothing but the moment. */
function foundIn<Row extends FoundSums & { readonly completeUntil: Date | null }>(
  rows: readonly Row[],
): { readonly sums: readonly Row[]; readonly completeUntil: Date | undefined } {
  return {
    sums: rows.filter(({ creditType }) => creditType !== null),
    completeUntil: rows[0]?.completeUntil ?? undefined,
  };
}

/** `$1` to `$11`. */
function sumsParameters(query: Asked): Parameter[] {
  return [...askedParameters(query), ...spansParameters(query.bounds)];
}

function pieceParameters(query: Asked, { accountNo, typeNo, seq, lastSeq, at }: TailPiece): Parameter[] {
  return [...askedParameters(query), accountNo, typeNo, seq, lastSeq, at];
}

type Asked = Omit<SumsQuery, "tails" | "groupBy" | "accountId">;

/** `$1` to `$6`. */
function askedParameters({ shard, bounds, limit, creditType, endpoint, keyId }: Asked): Parameter[] {
  return [shard, bounds, creditType, endpoint, keyId, limit];
}

/** Five that {@link spans} reads. */
function spansParameters(bounds: readonly Date[]): Parameter[] {
  const divided = divideBuckets(bounds);
  return [
    divided.map(({ span }) => span[0] ?? ""),
    divided.map(({ from }) => from),
    divided.map(({ to }) => to),
    divided.map(({ plus }) => plus),
    divided.map(({ minus }) => minus),
  ];
}

/** One sum of a breakdown: of a bucket, of an endpoint or of a key, each for itself. */
export interface BreakdownSums extends FoundSums {
  /** What is not by time is of bucket 1. */
  readonly by: "time" | "endpoint" | "key";
}

export interface FoundBreakdown {
  readonly sums: readonly BreakdownSums[];
  /** The first moment of which something may be missing; undefined: nothing is. */
  readonly completeUntil: Date | undefined;
}

/**
 * The sums of an account by bucket, by endpoint and by key at once, so that what lies behind them is read once. With more than
 * `mostInTails` entries that are not rolled up it is made of roll-ups alone.
 */
export async function readBreakdownSums(
  db: Queryable,
  query: Pick<SumsQuery, "shard" | "bounds" | "limit"> & {
    readonly accountId: string;
    readonly mostInTails: number;
  },
): Promise<FoundBreakdown> {
  const { accountId, mostInTails, ...part } = query;
  const statement = { name: "usage breakdown", text: BREAKDOWN };
  const rows = await db.query<BreakdownSums & { readonly completeUntil: Date | null }>(statement, [
    ...sumsParameters(part),
    accountId,
    mostInTails,
    ...spansParameters([part.bounds[0] ?? END, part.bounds.at(-1) ?? END]),
  ]);
  return foundIn(rows);
}

const END = new Date(0);

const ACCOUNT = "(SELECT a.account_id FROM farebox.accounts a WHERE a.account_no = s.account_no)";
const CREDIT_TYPE = "(SELECT t.credit_type FROM farebox.credit_types t WHERE t.type_no = s.type_no)";
const ENDPOINT = "(SELECT n.endpoint FROM farebox.endpoints n WHERE n.endpoint_no = s.endpoint_no)";
const KEY = "(SELECT k.key_id FROM farebox.keys k WHERE k.key_no = s.key_no)";

const OF_TYPE = `($3::text IS NULL OR type_no = (SELECT t.type_no FROM farebox.credit_types t WHERE t.credit_type = $3))`;
const OF_ENDPOINT_AND_KEY = `($4::text IS NULL OR endpoint_no = (SELECT n.endpoint_no FROM farebox.endpoints n WHERE n.endpoint = $4))
  AND ($5::text IS NULL OR key_no = (SELECT k.key_no FROM farebox.keys k WHERE k.key_id = $5))`;

/** How far a pool `p` is rolled up. Looked up by its key, whatever the planner knows of the table. */
const ROLLED = `LEFT JOIN LATERAL (
    SELECT u.seq, u.at FROM farebox.usage_rolled u
    WHERE u.account_no = p.account_no AND u.type_no = p.type_no AND u.shard = $1 LIMIT 1
  ) r ON true`;

const POOLS_OF_ACCOUNT = `SELECT p.account_no, p.type_no, p.last_seq, coalesce(r.seq, 0) AS seq, coalesce(r.at, '-infinity') AS at
  FROM farebox.pools p ${ROLLED}
  WHERE p.account_no = (SELECT a.account_no FROM farebox.accounts a WHERE a.account_id = $12) AND p.shard = $1 AND ${OF_TYPE}`;

const PIECE = `SELECT o.* FROM (
    SELECT $7::int AS account_no, $8::smallint AS type_no, $9::bigint AS seq, $10::bigint AS last_seq, $11::timestamptz AS at
  ) o WHERE ${OF_TYPE}`;

/** All pools of which some usage may not be rolled up. */
const POOLS_BEHIND = `SELECT p.account_no, p.type_no, coalesce(r.seq, 0) AS seq, coalesce(r.at, '-infinity') AS at
  FROM (SELECT DISTINCT account_no, type_no FROM farebox.active_pools WHERE shard = $1 AND ${OF_TYPE}) p ${ROLLED}`;

/** The spans of five parameters from this one on. */
const spans = (n: number): string =>
  `unnest($${n}::"char"[], $${n + 1}::timestamptz[], $${n + 2}::timestamptz[], $${n + 3}::integer[], $${n + 4}::integer[])
    g(span, start, until, plus, minus)`;

/** A span that is read once may count to one bucket and from another: {@link divideBuckets}. */
const TO_BUCKETS = `CROSS JOIN LATERAL (VALUES (g.plus, 1), (g.minus, -1)) w(bucket, sign)
  WHERE w.bucket IS NOT NULL`;
const SIGNED =
  "w.sign * q.requests AS requests, w.sign * q.units AS units, w.sign * q.credits AS credits, w.sign * q.refunded AS refunded";

/** What was counted to a bucket and from it again is none of its lines. */
const IS_SUM = "(sum(u.requests) <> 0 OR sum(u.units) <> 0 OR sum(u.credits) <> 0 OR sum(u.refunded) <> 0)";

const SPAN_SUMS = `sum(requests)::bigint AS requests, sum(units)::bigint AS units, sum(credits)::bigint AS credits,
  sum(refunded)::bigint AS refunded`;

type Grouped = SumsQuery["groupBy"];

/** What is told apart within a span: a sum of all is a quarter of the work. */
function columnsOf(
  groupBy: Grouped,
  always: readonly string[],
): { readonly told: string; readonly by: string } {
  const [endpoint, key] = [groupBy.includes("endpoint"), groupBy.includes("key")];
  const by = [...always, ...(endpoint ? ["endpoint_no"] : []), ...(key ? ["key_no"] : [])];
  const told = [
    ...always,
    endpoint ? "endpoint_no" : "NULL::int AS endpoint_no",
    key ? "key_no" : "NULL::int AS key_no",
  ];
  return { told: told.join(", "), by: by.join(", ") || "()" };
}

/** Span by span, and summed in each, so that a range of the index is read for each whatever the planner knows of the table. */
function rollUpsOfAll(groupBy: Grouped): string {
  const { told, by } = columnsOf(groupBy, ["account_no", "type_no"]);
  return `SELECT w.bucket, q.account_no, q.type_no, q.endpoint_no, q.key_no, ${SIGNED} FROM ${spans(7)} CROSS JOIN LATERAL (
    SELECT ${told}, ${SPAN_SUMS} FROM farebox.usage
    WHERE shard = $1 AND span = g.span AND start AT TIME ZONE 'UTC' >= g.start AT TIME ZONE 'UTC'
      AND start AT TIME ZONE 'UTC' < g.until AT TIME ZONE 'UTC' AND ${OF_TYPE} AND ${OF_ENDPOINT_AND_KEY}
    GROUP BY ${by}
  ) q ${TO_BUCKETS}`;
}

function rollUpsOfPools(groupBy: Grouped, ofSpans: string): string {
  const { told, by } = columnsOf(groupBy, []);
  return `SELECT w.bucket, p.account_no, p.type_no, q.endpoint_no, q.key_no, ${SIGNED} FROM pools p CROSS JOIN ${ofSpans} CROSS JOIN LATERAL (
    SELECT ${told}, ${SPAN_SUMS} FROM farebox.usage
    WHERE account_no = p.account_no AND type_no = p.type_no AND shard = $1 AND span = g.span AND start >= g.start
      AND start < g.until AND ${OF_ENDPOINT_AND_KEY}
    GROUP BY ${by}
  ) q ${TO_BUCKETS}`;
}

/**
 * The charges and refunds behind the roll-ups, counted to the charge's time: a refund has its charge's key and endpoint. Times
 * run in the order of the numbers, so nothing older than the period, or than the roll-up, need be read. OFFSET 0: pool by pool, by
 * key; without it all entries were read and joined to the pools.
 */
const tails = (
  upTo = "",
): string => `SELECT width_bucket(e.used_at, $2::timestamptz[]), p.account_no, p.type_no, e.endpoint_no, e.key_no,
    e.requests, e.units, e.credits, e.refunded
  FROM pools p CROSS JOIN LATERAL (
    SELECT t.endpoint_no, t.key_no,
      CASE WHEN t.kind = 'c' THEN t.at ELSE (
        SELECT c.at FROM farebox.entries c
        WHERE c.account_no = p.account_no AND c.type_no = p.type_no AND c.shard = $1 AND c.seq = t.refund_of AND c.at <= t.at LIMIT 1
      ) END AS used_at,
      CASE WHEN t.kind = 'c' THEN 1 ELSE 0 END AS requests, CASE WHEN t.kind = 'c' THEN t.units ELSE 0 END AS units,
      CASE WHEN t.kind = 'c' THEN -t.amount ELSE 0 END AS credits, CASE WHEN t.kind = 'c' THEN 0 ELSE t.amount END AS refunded
    FROM farebox.entries t
    WHERE t.account_no = p.account_no AND t.type_no = p.type_no AND t.shard = $1 AND t.seq > p.seq AND t.at >= p.at
      AND t.at >= ($2::timestamptz[])[1] AND t.kind IN ('c', 'r') AND ${OF_ENDPOINT_AND_KEY} ${upTo}
    OFFSET 0
  ) e
  WHERE e.used_at >= ($2::timestamptz[])[1] AND e.used_at < ($2::timestamptz[])[cardinality($2::timestamptz[])]`;

/** The moment of the first entry of the account that is not rolled up, looked up by its number. */
const FIRST_BEHIND = `SELECT date_trunc('milliseconds', min(e.at)) FROM pools p CROSS JOIN LATERAL (
    SELECT t.at FROM farebox.entries t
    WHERE t.account_no = p.account_no AND t.type_no = p.type_no AND t.shard = $1 AND t.seq = p.seq + 1 AND t.at >= p.at LIMIT 1
  ) e`;

/** Whether more is behind than is to be added. */
const LATE = "SELECT coalesce(sum(p.last_seq - p.seq), 0) > $13::bigint AS is FROM pools p";

const COMPLETE_UNTIL = `CASE WHEN l.is THEN (${FIRST_BEHIND}) END`;

/**
 * There is always a row: it says until when the sums are complete. Roll-ups are read twice: by time without a difference of lines, and of
 * the whole period by lines, which is mostly days. So a sum may come in two parts, one of the entries behind.
 */
const BREAKDOWN = `WITH pools AS MATERIALIZED (${POOLS_OF_ACCOUNT}),
  late AS MATERIALIZED (${LATE})
  SELECT s.by, coalesce(s.bucket, 1) AS bucket, NULL::text AS "accountId", ${CREDIT_TYPE} AS "creditType", ${ENDPOINT} AS endpoint, ${KEY} AS "keyId",
    s.requests, s.units, s.credits, s.refunded, ${COMPLETE_UNTIL} AS "completeUntil"
  FROM late l LEFT JOIN (
    SELECT CASE 0 WHEN grouping(u.bucket) THEN 'time' WHEN grouping(u.endpoint_no) THEN 'endpoint' ELSE 'key' END AS by,
      u.bucket, u.type_no, u.endpoint_no, u.key_no, sum(u.requests)::bigint AS requests, sum(u.units)::bigint AS units,
      sum(u.credits)::bigint AS credits, sum(u.refunded)::bigint AS refunded
    FROM (
      SELECT 'time' AS part, t.* FROM (${rollUpsOfPools([], spans(7))}) t
      UNION ALL SELECT 'lines', n.* FROM (${rollUpsOfPools(["endpoint", "key"], spans(14))}) n
      UNION ALL SELECT 'both', b.* FROM (${tails()} AND NOT (SELECT o.is FROM late o)) b
    ) u
    GROUP BY GROUPING SETS ((u.part, u.type_no, u.bucket), (u.part, u.type_no, u.endpoint_no), (u.part, u.type_no, u.key_no))
    HAVING ${IS_SUM} AND (u.part = 'both' OR (u.part = 'time') = (grouping(u.bucket) = 0)) LIMIT $6
  ) s ON true`;
