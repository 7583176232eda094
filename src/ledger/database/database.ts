import type { BinaryArray } from "./wire/binary-arrays.ts";

/** A statement that is parsed and planned once per connection. The name must always stand for the same text. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** It reads nothing but small tables, of which every server of a cluster has a copy: no other server is asked. As urgent as `isUrgent`. */
  readonly isLocal?: true;
  /** Requests of everybody wait for it, and it waits for no lock, or for 50 ms: it is no matter how many statements wait for theirs. */
  readonly isUrgent?: true;
}

/** What may be bound to `$1`. An array becomes one array literal; JSON must be passed as text (`JSON.stringify`). */
export type Parameter =
  | string
  | number
  | bigint
  | boolean
  | Date
  | Uint8Array
  | null
  | undefined
  | readonly ArrayElement[]
  | BinaryArray;

export type ArrayElement = string | number | bigint | boolean | Date | null;

/**
 * Runs SQL. Rows are the same objects on PGlite and on Postgres: int8 is a bigint, int4 a number, bool a boolean,
 * timestamptz a Date, json and jsonb parsed, bytea a Uint8Array, arrays of these are arrays; every other type
 * (numeric included: cast `sum()` to bigint) is Postgres's text.
 *
 * Rejects with FareboxError `storage_unavailable` (retryable) when the environment failed, and with pg's DatabaseError,
 * whose `code` is the SQLSTATE, when the statement itself is refused (see storage-error.ts).
 */
export interface Queryable {
  query<Row>(statement: string | Statement, params?: readonly Parameter[]): Promise<Row[]>;
  /** Runs a script of several statements without parameters and without the statement deadline. */
  exec(sql: string): Promise<void>;
}

/**
 * Queries of one open transaction. Functions that ask for it either lock, or write more than one row that belong
 * together: they must not be given the database itself.
 */
export interface Transaction extends Queryable {
  readonly inTransaction: true;
}

/** One database: a Postgres server behind a pool of connections, or the embedded PGlite with its only connection. */
export interface Database extends Queryable {
  readonly kind: "pglite" | "postgres";
  /**
   * Whether a pooler stands in front of the server (PgBouncer in any mode, or one like it): each statement then is a transaction with
   * settings of its own. False until the first query was answered.
   */
  readonly isPooled?: boolean;
  /**
   * Runs `run` in one transaction and commits. Everything inside must go through `tx`: on PGlite there is one connection
   * only, so a query on the database itself would wait for this transaction to end. A deadlock or serialization failure
   * rolls back and runs `run` again (at most {@link TRANSACTION_ATTEMPTS} times), so it must have no other effects.
   */
  transaction<T>(run: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Of a cluster: which server has a shard, as far as is known. */
  serverOf?(shard: number): number | undefined;
  /** Finds out which servers have these shards, where nobody has asked yet. */
  findServers?(shards: readonly number[]): Promise<void>;
  close(): Promise<void>;
}

/** Victims of a deadlock win at the second attempt nearly always; more attempts would hide a wrong lock order. */
export const TRANSACTION_ATTEMPTS = 4;
