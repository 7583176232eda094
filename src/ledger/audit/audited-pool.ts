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
export interface AuditedPool {
  readonly accountId: string;
  readonly creditType: string;
  readonly shard: number;
  readonly balance: bigint;
  readonly held: bigint;
  readonly spent: bigint;
  readonly drawn: bigint;
  readonly overdue: bigint;
  readonly uncollected: bigint;
  readonly lastSeq: bigint;
  readonly capped: boolean;
}

/** Entries that one query looks at. */
export const ENTRIES_PER_CHUNK = 200_000n;

/** First and last pool of a chunk, as the four parameters of a range of keys. */
export function keyRange(pools: readonly AuditedPool[]): readonly [string, string, string, string] {
  const [first, last] = [pools.at(0), pools.at(-1)];
  return [first?.accountId ?? "", first?.creditType ?? "", last?.accountId ?? "", last?.creditType ?? ""];
}

/** The condition for {@link keyRange}'s parameters. */
export const IN_RANGE = "(account_id, credit_type) >= ($1, $2) AND (account_id, credit_type) <= ($3, $4)";

export function poolKey(pool: { readonly accountId: string; readonly creditType: string }): string {
  return `${pool.accountId}\0${pool.creditType}`;
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
