import type { Database, Statement } from "../src/ledger/database/database.ts";

/**
 * What most people write first, and what several products run: one transaction per request that locks the balance, takes
 * the amount off it and appends a line. On tables of its own in the same database, with nothing else that our charge does
 * (no grants, no usage roll-up, no idempotency), so the comparison is generous to it.
 */
export class OneTransaction {
  readonly #database: Database;
  /** A connection takes one transaction at a time; callers above that wait here, without a time limit. */
  readonly #free: Promise<void>[];
  #next = 0;

  private constructor(database: Database) {
    this.#database = database;
    this.#free = Array.from({ length: CONNECTIONS }, () => Promise.resolve());
  }

  static async create(database: Database, accounts: number): Promise<OneTransaction> {
    await database.exec(`
      CREATE SCHEMA IF NOT EXISTS baseline;
      DROP TABLE IF EXISTS baseline.balances, baseline.lines;
      CREATE TABLE baseline.balances (account integer PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0))
        WITH (fillfactor = 50);
      CREATE TABLE baseline.lines (
        account integer NOT NULL, seq bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL DEFAULT now(),
        amount bigint NOT NULL, balance bigint NOT NULL, request_id text NOT NULL, endpoint text NOT NULL,
        PRIMARY KEY (account, seq));
      INSERT INTO baseline.balances SELECT n, 1000000000000 FROM generate_series(0, ${accounts - 1}) n;
    `);
    return new OneTransaction(database);
  }

  charge(account: number, requestId: string): Promise<void> {
    this.#next = (this.#next + 1) % CONNECTIONS;
    const turn = (this.#free[this.#next] ?? Promise.resolve()).then(() => this.#charge(account, requestId));
    this.#free[this.#next] = turn;
    return turn;
  }

  async #charge(account: number, requestId: string): Promise<void> {
    await this.#database.transaction(async (tx) => {
      const [row] = await tx.query<{ balance: bigint }>(LOCK, [account]);
      if (row === undefined || row.balance < 1000n) throw new Error("the baseline ran out of credits");
      const balance = row.balance - 1000n;
      await tx.query(TAKE, [account, balance]);
      await tx.query(APPEND, [account, -1000, balance, requestId, "GET /v1/ip-lookup"]);
    });
  }
}

/** More than this made it slower on two cores: they only wait for one another's locks. */
const CONNECTIONS = 16;

const LOCK: Statement = {
  name: "baseline-lock",
  text: "SELECT balance FROM baseline.balances WHERE account = $1 FOR UPDATE",
};
const TAKE: Statement = {
  name: "baseline-take",
  text: "UPDATE baseline.balances SET balance = $2 WHERE account = $1",
};
const APPEND: Statement = {
  name: "baseline-append",
  text: "INSERT INTO baseline.lines (account, amount, balance, request_id, endpoint) VALUES ($1, $2, $3, $4, $5)",
};
