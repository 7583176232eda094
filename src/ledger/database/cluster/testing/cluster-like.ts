import { FareboxError } from "../../../../domain/farebox-error.ts";
import type { Database, Parameter, Statement, Transaction } from "../../database.ts";

/** Whoever holds it keeps the second server from answering. */
export const ASLEEP = 41;

/**
 * As a cluster of two servers seems to its caller: even shards are on one, odd ones on the other. `fails`: whether the answer of a
 * statement that was run is lost so. `hangs`: what is asked of the second server keeps its connection until that goes on. `isAway`: the second
 * server refuses, and with it what writes or locks rows of which every server has a copy.
 */
export class ClusterLike implements Database {
  readonly kind: Database["kind"];
  fails: (text: string) => boolean = () => false;
  failure: () => Error = refused;
  hangs = false;
  isAway = false;
  readonly #inner: Database;

  constructor(inner: Database) {
    this.kind = inner.kind;
    this.#inner = inner;
  }

  async query<Row>(statement: string | Statement, params: readonly Parameter[] = []): Promise<Row[]> {
    const text = typeof statement === "string" ? statement : statement.text;
    if (text.includes("pg_dist_placement")) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rows that the extension would have
      return (params[0] as number[]).map((shard) => ({
        shard,
        server: shard % 2,
        name: `worker-${shard % 2}:5432`,
      })) as Row[];
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same
    if (/pg_extension|pg_dist_node/.test(text)) return [{ servers: 2 }] as Row[];
    this.#ask(text, params);
    if (this.hangs && isOfSecond(text, params)) {
      return await this.#inner.transaction(async (tx) => {
        await tx.query("SELECT pg_advisory_xact_lock_shared($1::bigint)", [ASLEEP]);
        return await tx.query<Row>(statement, params);
      });
    }
    const rows = await this.#inner.query<Row>(statement, params);
    if (this.fails(text)) throw this.failure();
    return rows;
  }

  exec(sql: string): Promise<void> {
    return this.#inner.exec(sql);
  }

  transaction<T>(run: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#inner.transaction((tx) =>
      run({
        inTransaction: true,
        query: async <Row>(statement: string | Statement, params: readonly Parameter[] = []) => {
          this.#ask(typeof statement === "string" ? statement : statement.text, params);
          return await tx.query<Row>(statement, params);
        },
        exec: async (sql) => {
          this.#ask(sql, []);
          await tx.exec(sql);
        },
      }),
    );
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #ask(text: string, params: readonly Parameter[]): void {
    if (this.isAway && (CHANGES.test(text) || isOfSecond(text, params))) throw refused();
  }
}

/** Those of a shard are all in functions. */
const CHANGES = /\b(?:INSERT INTO|UPDATE|DELETE FROM|LOCK TABLE) farebox\.|\bFOR UPDATE\b/;

function isOfSecond(text: string, params: readonly Parameter[]): boolean {
  const [, place] = /farebox\.\w+\(\$(\d+)/.exec(text) ?? [];
  const shard = place === undefined ? undefined : params[Number(place) - 1];
  return typeof shard === "number" && shard % 2 === 1;
}

function refused(): FareboxError {
  return new FareboxError("storage_unavailable", "connection to the remote node failed", {
    retryable: true,
    detail: { sqlState: "08006" },
  });
}
