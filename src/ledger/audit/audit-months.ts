import type { Queryable } from "../database/database.ts";
import { seqRanges } from "./audit-entries.ts";
import { type AuditFinding, type Chunk, ownedBy, POOLS, poolColumns } from "./audited-pool.ts";

const MEMBERS = [
  "charges",
  "burned",
  "uncollected",
  "refunded",
  "expired",
  "adjusted",
  "recurring",
  "promo",
  "topup",
] as const;

type Sums = Readonly<Record<(typeof MEMBERS)[number], bigint>>;

interface MonthRow extends Sums {
  readonly typeNo: number;
  readonly creditType: string;
  /** `2026-08` */
  readonly month: string;
}

/** Compares the sums of a shard's months with the entries that are rolled up into them, once all pools of the shard were given. */
export class MonthAudit {
  readonly #db: Queryable;
  readonly #shard: number;
  readonly #chunkEntries: number;
  readonly #computed = new Map<string, MonthRow>();

  constructor(db: Queryable, shard: number, chunkEntries: number) {
    this.#db = db;
    this.#shard = shard;
    this.#chunkEntries = chunkEntries;
  }

  async add(chunk: Chunk): Promise<void> {
    for (const range of seqRanges(chunk, this.#chunkEntries)) {
      for (const row of await this.#db.query<MonthRow>(ENTRIES, [...poolColumns(chunk), ...range])) {
        const name = `${row.typeNo}/${row.month}`;
        const before = this.#computed.get(name);
        this.#computed.set(name, before === undefined ? row : addSums(before, row));
      }
    }
  }

  async finish(): Promise<AuditFinding[]> {
    const recorded = await this.#db.query<MonthRow>(RECORDED, [this.#shard]);
    const rows = new Map(recorded.map((row) => [`${row.typeNo}/${row.month}`, row]));
    const names = new Set([...rows.keys(), ...this.#computed.keys()]);
    return [...names].flatMap((name) => this.#compare(rows.get(name), this.#computed.get(name)));
  }

  #compare(recorded: MonthRow | undefined, computed: MonthRow | undefined): AuditFinding[] {
    const { creditType, month } = recorded ?? computed ?? { creditType: "", month: "" };
    return MEMBERS.flatMap((member) => {
      const [is, should] = [recorded?.[member] ?? 0n, computed?.[member] ?? 0n];
      if (is === should) return [];
      const detail = { month, shard: this.#shard, sum: member, recorded: is, computed: should };
      const check = "month_sums are the sums of the entries of all pools";
      return [{ invariant: "I1" as const, check, accountId: "of all accounts", creditType, detail }];
    });
  }
}

function addSums(left: MonthRow, right: MonthRow): MonthRow {
  const sums = Object.fromEntries(MEMBERS.map((member) => [member, left[member] + right[member]]));
  return { ...left, ...sums };
}

const MONTH = (time: string): string => `to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM') AS month`;

const NAME = `(SELECT t.credit_type FROM farebox.credit_types t WHERE t.type_no = s.type_no) AS "creditType"`;

const RECORDED = `SELECT s.type_no AS "typeNo", ${NAME}, s.month, ${MEMBERS.map((member) => `s.${member}`).join(", ")}
  FROM (
    SELECT m.type_no, ${MONTH("m.month")}, ${MEMBERS.map((member) => `sum(m.${member})::bigint AS ${member}`).join(", ")}
    FROM farebox.month_sums m WHERE m.shard = $1 GROUP BY 1, 2
  ) s`;

const of = (kind: string, amount: string, name: string): string =>
  `coalesce(sum(${amount}) FILTER (WHERE e.kind = '${kind}'), 0)::bigint AS ${name}`;

/** A grant's source is looked up for grants alone, by its key. */
const granted = (condition: string, name: string): string =>
  `coalesce(sum(e.amount) FILTER (WHERE e.kind = 'g' AND ${condition}), 0)::bigint AS ${name}`;

const ENTRIES = `SELECT s.type_no AS "typeNo", ${NAME}, s.month, ${MEMBERS.map((member) => `s.${member}`).join(", ")}
  FROM (
    SELECT u.type_no, ${MONTH("e.at")}, count(*) FILTER (WHERE e.kind = 'c') AS charges, ${of("c", "-e.amount", "burned")},
      ${of("c", "e.uncollected", "uncollected")}, ${of("r", "e.amount", "refunded")}, ${of("x", "-e.amount", "expired")},
      ${of("a", "e.amount", "adjusted")}, ${granted("e.source = 'recurring'", "recurring")}, ${granted("e.source = 'promo'", "promo")},
      ${granted("coalesce(e.source, '') NOT IN ('recurring', 'promo')", "topup")}
    FROM ${POOLS}
    CROSS JOIN LATERAL (
      SELECT coalesce((SELECT r.seq FROM farebox.usage_rolled r WHERE ${ownedBy("r")}), 0) AS seq OFFSET 0
    ) rolled
    CROSS JOIN LATERAL (
      SELECT o.at, o.kind, o.amount, o.uncollected, CASE WHEN o.kind = 'g' THEN (
          SELECT g.source FROM farebox.grants g WHERE ${ownedBy("g")} AND g.grant_id = o.grant_id LIMIT 1
        ) END AS source
      FROM farebox.entries o WHERE ${ownedBy("o")} AND o.seq >= $4::bigint AND o.seq <= least($5::bigint, rolled.seq)
      OFFSET 0
    ) e
    GROUP BY 1, 2
  ) s`;
