import type { PoolKey } from "../pools/pool-key.ts";

/** A broken invariant, with the row in which it shows. The ledger is sound when there is none. */
export interface AuditFinding {
  /** I1: the sums agree. I2: balance ≥ held ≥ 0. I8: nothing is held for nobody. */
  readonly invariant: "I1" | "I2" | "I8" | "I11";
  /** What was compared, as a sentence. */
  readonly check: string;
  readonly accountId: string;
  readonly creditType: string;
  /** What should be equal, and where. */
  readonly detail: Readonly<Record<string, bigint | number | string | null>>;
}

/** What the audit knows of a pool, and compares everything else with. */
export interface AuditedPool extends PoolKey {
  readonly accountId: string;
  readonly creditType: string;
  /** False when the shard has no such account. */
  readonly hasAccount: boolean;
  readonly balance: bigint;
  readonly held: bigint;
  /** Leases of instances, which are in the pool's row. */
  readonly leased: bigint;
  readonly spent: bigint;
  readonly drawn: bigint;
  readonly overdue: bigint;
  readonly uncollected: bigint;
  readonly lastSeq: bigint;
  /** In microseconds since 1970; null when there is none. */
  readonly lastAt: bigint | null;
  readonly capped: boolean;
}

/** Pools of one shard. What is known of them is read pool by pool, by their keys. */
export type Chunk = readonly AuditedPool[];

/** The parameters `$1` to `$3` of {@link POOLS}. */
export function poolColumns(chunk: Chunk): readonly [number, number[], number[]] {
  return [chunk[0]?.shard ?? 0, chunk.map(({ accountNo }) => accountNo), chunk.map(({ typeNo }) => typeNo)];
}

/** SQL: the pools of a chunk as `u`. Rows of a table are theirs by {@link ownedBy}. */
export const POOLS = "unnest($2::integer[], $3::smallint[]) u(account_no, type_no)";

/** SQL: the condition for rows of the pool `u` in a table of this name. */
export function ownedBy(table: string): string {
  return `${table}.account_no = u.account_no AND ${table}.type_no = u.type_no AND ${table}.shard = $1`;
}

/** SQL: the columns by which a row is told to be a pool's. */
export const BY_POOL = `u.account_no AS "accountNo", u.type_no AS "typeNo"`;

/** A row about a pool. */
export interface PoolRow {
  readonly accountNo: number;
  readonly typeNo: number;
}

export function poolName({ accountNo, typeNo }: PoolRow): string {
  return `${accountNo}/${typeNo}`;
}

/** Findings about one pool. */
export class PoolReport {
  readonly findings: AuditFinding[] = [];
  readonly #pool: AuditedPool;

  constructor(pool: AuditedPool) {
    this.#pool = pool;
  }

  equal(
    invariant: AuditFinding["invariant"],
    check: string,
    recorded: bigint,
    computed: bigint,
    where: AuditFinding["detail"] = {},
  ): void {
    if (recorded !== computed) this.add(invariant, check, { ...where, recorded, computed });
  }

  add(invariant: AuditFinding["invariant"], check: string, detail: AuditFinding["detail"]): void {
    const { accountId, creditType } = this.#pool;
    this.findings.push({ invariant, check, accountId, creditType, detail });
  }
}
