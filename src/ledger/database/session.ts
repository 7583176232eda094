import pg from "pg";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { ServerHosts } from "./address/server-hosts.ts";
import type { Statement } from "./database.ts";
import { type Columns, PreparedQuery } from "./wire/prepared-query.ts";

/**
 * While a session is opened the server may be silent for so long: a connection request that was lost, or that a network swallows, is
 * not waited for longer, so that a server that is back is found within 3 s.
 */
const OPENING_SILENCE_MS = 2_000;

/** Steps of opening a session, as pg's connection tells them: each is a sign of life. */
const SIGNS_OF_LIFE = [
  "connect",
  "sslconnect",
  "authenticationOk",
  "authenticationMD5Password",
  "authenticationCleartextPassword",
  "authenticationSASL",
  "authenticationSASLContinue",
  "authenticationSASLFinal",
];

/** The first thing asked: it changes nothing, because it is not known yet whose session this is. */
const WHO_IS_THERE = `SELECT pg_backend_pid() AS pid, pg_is_in_recovery() AS "isStandby",
  current_setting('transaction_read_only') = 'on' AS "readsOnly",
  current_setting('synchronous_commit') AS commits`;

interface ServerRow {
  readonly pid: number;
  readonly isStandby: boolean;
  readonly readsOnly: boolean;
  readonly commits: string;
}

/** One session of a server: pg's client, and what the pool knows of it. */
export class Session extends pg.Client {
  /** Told by the server, or by the pooler in front of it, for cancelling. pg's types leave it out. */
  declare readonly processID: number | null;
  /** False while a statement is under way; pg's types leave it out. */
  declare readonly readyForQuery: boolean;
  /**
   * A pooler answers in the server's place, and hands each transaction to whatever session of the server is free: settings and
   * prepared statements of a session would be lost, or met by other applications.
   */
  isPooled = false;
  /** The server's process that works for this session; with a pooler, for its present transaction, when that is known. */
  pid: number | undefined = undefined;
  /**
   * What its commits wait for, `synchronous_commit`: at least for the disk, whatever the role, the database or the server says, and no
   * less than they say.
   */
  commits = "on";
  /** It must not be used again. */
  isBroken = false;
  /** Of the statements that it has run. */
  readonly columns: Columns = new Map();
  /** Sessions of an earlier generation are not used again; see PoolDatabase. */
  generation = 0;
  readonly #hosts: ServerHosts | undefined;
  readonly #url: string | undefined;
  #isThere = false;

  constructor(config: pg.ClientConfig, hosts: ServerHosts | undefined) {
    const url = hosts?.current;
    super(url === undefined ? config : { ...config, connectionString: url });
    this.#hosts = hosts;
    this.#url = url;
    // One that breaks between two statements of a transaction, or while nobody uses it, emits an error that nobody else listens to.
    this.on("error", () => {
      this.isBroken = true;
    });
    if (hosts !== undefined) this.#boundOpening();
  }

  /**
   * Finds out who is there. Rejects with FareboxError `storage_unavailable` when the server cannot be written to: it is a standby, or
   * reads only.
   */
  async greet(): Promise<void> {
    const { rows } = await this.query<ServerRow>(WHO_IS_THERE);
    const [row] = rows;
    if (row === undefined) throw new Error("the server did not say who it is");
    this.#isThere = true;
    if (row.commits !== "off") this.commits = row.commits;
    // A pooler makes a number of its own up, because it has no process for a client. The embedded database tells none.
    this.isPooled = this.#hosts !== undefined && row.pid !== this.processID;
    if (!this.isPooled) this.pid = row.pid;
    if (!row.isStandby && !row.readsOnly) return;
    this.failed();
    const what = row.isStandby ? "is a standby" : "takes no writes (default_transaction_read_only)";
    throw new FareboxError("storage_unavailable", `The server ${this.host}:${this.port} ${what}`, {
      retryable: true,
    });
  }

  /** Runs a statement with a name; `call` is the message that does (see callMessage). */
  run<Row>(statement: Statement, call: Buffer): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      this.query(new PreparedQuery<Row>(statement, call, this.columns, resolve, reject));
    });
  }

  /**
   * After an error the server may have something left to end, on another server too, before it takes the next statement. Undefined: it
   * has not; else resolves when it takes one, or the connection is gone. Never rejects.
   */
  untilReady(): Promise<void> | undefined {
    const { connection } = this;
    if (this.readyForQuery || connection.stream.destroyed) return undefined;
    return new Promise((resolve) => {
      const ready = (): void => {
        connection.off("readyForQuery", ready);
        connection.off("end", ready);
        resolve();
      };
      connection.on("readyForQuery", ready);
      connection.on("end", ready);
    });
  }

  /** The next session tries another server, if there is one. */
  failed(): void {
    if (this.#url !== undefined) this.#hosts?.failed(this.#url);
  }

  /** Cuts the connection: what runs on it rejects at once, and nothing is waited for. */
  cut(reason: string): void {
    this.connection.stream.destroy(new Error(reason));
  }

  #boundOpening(): void {
    const { connection } = this;
    const timer = setTimeout(() => {
      this.cut(`the server said nothing for ${OPENING_SILENCE_MS / 1000} s`);
    }, OPENING_SILENCE_MS);
    for (const sign of SIGNS_OF_LIFE) connection.once(sign, () => timer.refresh());
    connection.once("readyForQuery", () => clearTimeout(timer));
    const failed = (): void => {
      clearTimeout(timer);
      if (!this.#isThere) this.failed();
    };
    for (const end of ["error", "errorMessage", "end"]) connection.once(end, failed);
  }
}

export interface SessionLimits {
  /** A statement longer than this is cancelled by the server. */
  readonly statementTimeoutMs: number;
  /** A statement waits at most this long for each lock. */
  readonly lockTimeoutMs: number;
}

/** The verbs take milliseconds; what takes seconds is stuck, and a request waits behind it. */
export const SESSION_LIMITS: SessionLimits = { statementTimeoutMs: 10_000, lockTimeoutMs: 5000 };

/**
 * Everything lives in the schema `farebox`, so that a shared database stays clean. `SET` rather than start-up options:
 * poolers in front of Postgres refuse unknown start-up parameters. `LOCAL`: for one transaction, where the session is not ours.
 * `commits` is set although it is nearly always the default: a server whose settings are read anew changes it in sessions that are open.
 */
export function renderSettings(
  limits: SessionLimits,
  { isPooled, commits }: { readonly isPooled: boolean; readonly commits: string },
): string {
  return [
    ["search_path", "farebox"],
    ["timezone", "'UTC'"],
    ["datestyle", "'ISO'"],
    ["bytea_output", "'hex'"],
    ["client_min_messages", "warning"],
    ["statement_timeout", limits.statementTimeoutMs],
    ["lock_timeout", limits.lockTimeoutMs],
    ["idle_in_transaction_session_timeout", limits.statementTimeoutMs],
    ["synchronous_commit", commits],
  ]
    .map(([name, value]) => `SET ${isPooled ? "LOCAL" : "SESSION"} ${name} TO ${value}`)
    .join("; ");
}
