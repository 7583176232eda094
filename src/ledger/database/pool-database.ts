import pg from "pg";
import {
  type Database,
  type Parameter,
  type Statement,
  TRANSACTION_ATTEMPTS,
  type Transaction,
} from "./database.ts";
import { encodeParameter } from "./parameters.ts";
import { QueryDeadlines } from "./query-deadlines.ts";
import { resultParser } from "./result-types.ts";
import { breaksConnection, isTransactionVictim, storageError } from "./storage-error.ts";

export interface SessionLimits {
  /** A statement longer than this is cancelled by the server. */
  readonly statementTimeoutMs: number;
  /** A statement waits at most this long for each lock. */
  readonly lockTimeoutMs: number;
}

/** The verbs take milliseconds; what takes seconds is stuck, and a request waits behind it. */
export const SESSION_LIMITS: SessionLimits = { statementTimeoutMs: 10_000, lockTimeoutMs: 5000 };

/** How much longer than the server the client waits, so that a dead network cannot hold a caller for ever. */
const CLIENT_GRACE_MS = 2000;

/** Queries over pg's wire protocol: a pool of connections to Postgres, or the one connection to PGlite's worker. */
export class PoolDatabase implements Database {
  readonly kind: Database["kind"];
  readonly #pool: pg.Pool;
  readonly #deadlines: QueryDeadlines;
  readonly #onClose: () => Promise<void>;
  #closed: Promise<void> | undefined;

  constructor(
    kind: Database["kind"],
    config: pg.PoolConfig,
    limits: SessionLimits,
    onClose: () => Promise<void> = async () => undefined,
  ) {
    this.kind = kind;
    this.#onClose = onClose;
    this.#deadlines = new QueryDeadlines(limits.statementTimeoutMs + CLIENT_GRACE_MS);
    this.#pool = new pg.Pool({
      ...config,
      types: { getTypeParser: (oid: number) => resultParser(oid) },
      // The pool waits for this promise; pg's types do not know yet.
      // oxlint-disable-next-line typescript/no-misused-promises
      onConnect: (client) => client.query(sessionSettings(limits)).then(() => undefined),
    });
    // An idle connection that breaks is dropped by the pool; the next query opens another and reports what it meets.
    this.#pool.on("error", () => undefined);
  }

  query<Row>(statement: string | Statement, params: readonly Parameter[] = []): Promise<Row[]> {
    return this.#withClient((connection) => connection.query<Row>(statement, params));
  }

  exec(sql: string): Promise<void> {
    return this.#withClient((connection) => connection.exec(sql));
  }

  async transaction<T>(run: (tx: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#withClient((connection) => runTransaction(connection, run));
      } catch (error) {
        if (attempt === TRANSACTION_ATTEMPTS || !isTransactionVictim(error)) throw error;
      }
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#pool.end().then(this.#onClose);
    return this.#closed;
  }

  async #withClient<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw storageError(error);
    }
    const connection = new Connection(client, this.#deadlines);
    // A connection that breaks between two statements of a transaction emits an error nobody else listens to.
    const onError = () => {
      connection.broken = true;
    };
    client.on("error", onError);
    try {
      return await use(connection);
    } finally {
      client.off("error", onError);
      client.release(connection.broken);
    }
  }
}

/** One connection, checked out. */
class Connection implements Transaction {
  readonly inTransaction = true;
  broken = false;
  readonly #client: pg.PoolClient;
  readonly #deadlines: QueryDeadlines;

  constructor(client: pg.PoolClient, deadlines: QueryDeadlines) {
    this.#client = client;
    this.#deadlines = deadlines;
  }

  async query<Row>(statement: string | Statement, params: readonly Parameter[] = []): Promise<Row[]> {
    const values = params.map(encodeParameter);
    const config =
      typeof statement === "string"
        ? { text: statement, values }
        : { name: statement.name, text: statement.text, values };
    const { rows } = await this.#run(config);
    return rows;
  }

  async #run(config: pg.QueryConfig): Promise<pg.QueryResult> {
    const answered = this.#deadlines.start(() => this.#abort());
    try {
      return await this.#client.query(config);
    } catch (error) {
      throw this.#failed(error);
    } finally {
      answered();
    }
  }

  async exec(sql: string): Promise<void> {
    try {
      await this.#client.query(sql);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Postgres answers COMMIT with ROLLBACK, and without an error, when a refused statement's error was swallowed. */
  async commit(): Promise<void> {
    const { command } = await this.#run({ text: "COMMIT" });
    if (command !== "COMMIT")
      throw new Error("A refused statement was swallowed: the transaction was rolled back");
  }

  /** Cuts the connection: the query on it rejects at once. pg's `end` does so when a query is active. */
  #abort(): void {
    this.broken = true;
    if (this.#client instanceof pg.Client) void this.#client.end().catch(() => undefined);
  }

  #failed(error: unknown): unknown {
    if (breaksConnection(error)) this.broken = true;
    return storageError(error);
  }
}

async function runTransaction<T>(connection: Connection, run: (tx: Transaction) => Promise<T>): Promise<T> {
  await connection.query("BEGIN");
  try {
    const result = await run(connection);
    await connection.commit();
    return result;
  } catch (error) {
    // When even the rollback fails the connection is broken and dropped, and with it the transaction.
    if (!connection.broken) await connection.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/**
 * Everything lives in the schema `farebox`, so that a shared database stays clean. `SET` rather than start-up options:
 * poolers in front of Postgres refuse unknown start-up parameters.
 */
function sessionSettings(limits: SessionLimits): string {
  return [
    "SET search_path TO farebox",
    "SET timezone TO 'UTC'",
    "SET datestyle TO 'ISO'",
    "SET bytea_output TO 'hex'",
    "SET client_min_messages TO warning",
    `SET statement_timeout TO ${limits.statementTimeoutMs}`,
    `SET lock_timeout TO ${limits.lockTimeoutMs}`,
    `SET idle_in_transaction_session_timeout TO ${limits.statementTimeoutMs}`,
    // A role or a database may have it off; stronger ones than on, and those for standbys, stay.
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
  ].join("; ");
}
