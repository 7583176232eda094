import pg from "pg";
import type { ServerHosts } from "./address/server-hosts.ts";
import { Connection } from "./connection.ts";
import {
  type Database,
  type Parameter,
  type Statement,
  TRANSACTION_ATTEMPTS,
  type Transaction,
} from "./database.ts";
import { holdUntil } from "./held-sessions.ts";
import { PendingQueries } from "./pending-queries.ts";
import { renderSettings, Session, type SessionLimits } from "./session.ts";
import { SpareSessions } from "./spare-sessions.ts";
import { StatementGate } from "./statement-gate.ts";
import { connectError, isTransactionVictim } from "./storage-error.ts";
import { resultParser } from "./wire/result-types.ts";

/** How much longer than the server the client waits, so that a dead network cannot hold a caller for ever. */
const CLIENT_GRACE_MS = 2000;

/** Processes of a server that work on nothing: gone, or waiting for their client. Those that hide their state count as working. */
const IDLE_PIDS = `SELECT p.pid FROM unnest($1::int[]) AS p(pid) LEFT JOIN pg_stat_activity a ON a.pid = p.pid
  WHERE a.pid IS NULL OR a.state IN ('idle', 'idle in transaction', 'idle in transaction (aborted)')`;

/**
 * Of the sessions: those that statements may have which may wait for a lock. One pool that somebody has locked would else keep all of them
 * waiting, when enough is granted to it, and every account with them.
 */
const MAY_WAIT = 2 / 3;

/** A pool of fewer sessions keeps none free. */
const FEW = 6;

export interface PoolOptions {
  readonly limits: SessionLimits;
  /** Of a server; undefined: the embedded database. */
  readonly hosts?: ServerHosts | undefined;
  readonly onClose?: () => Promise<void>;
}

/** Queries over pg's wire protocol: a pool of sessions of a Postgres server, or the one of PGlite's worker. */
export class PoolDatabase implements Database {
  readonly kind: Database["kind"];
  readonly #pool: pg.Pool;
  readonly #config: pg.PoolConfig;
  readonly #hosts: ServerHosts | undefined;
  readonly #pending: PendingQueries;
  readonly #limits: SessionLimits;
  readonly #onClose: () => Promise<void>;
  readonly #spare: SpareSessions<PooledSession>;
  /** Undefined: few sessions, the embedded database, where nobody else has locks, and a cluster, which has gates of its own. */
  #gate: StatementGate | undefined;
  /** Grows when what broke a session has broken all that were open. */
  #generation = 0;
  #isPooled = false;
  #passesOn = false;
  #closed: Promise<void> | undefined;

  constructor(
    kind: Database["kind"],
    config: pg.PoolConfig,
    { limits, hosts, onClose = async () => undefined }: PoolOptions,
  ) {
    this.kind = kind;
    this.#hosts = hosts;
    this.#onClose = onClose;
    this.#limits = limits;
    const ask = (pids: readonly number[]): Promise<readonly number[]> => this.#askIdle(pids);
    const deadline = limits.statementTimeoutMs + CLIENT_GRACE_MS;
    this.#pending = new PendingQueries(deadline, hosts === undefined ? undefined : ask);
    this.#config = { ...config, types: { getTypeParser: (oid: number) => resultParser(oid) } };
    const { max = 1 } = config;
    if (hosts !== undefined && max >= FEW) this.#gate = new StatementGate(Math.floor(max * MAY_WAIT));
    this.#pool = new pg.Pool({
      ...this.#config,
      Client: clientOf(hosts),
      // The pool waits for this promise; pg's types do not know yet.
      // oxlint-disable-next-line typescript/no-misused-promises
      onConnect: (client) => this.#welcome(asSession(client)),
    });
    this.#spare = new SpareSessions((session) => this.#release(session));
    // An idle session that breaks is dropped by the pool; the next query opens another and reports what it meets.
    this.#pool.on("error", () => undefined);
  }

  get isPooled(): boolean {
    return this.#isPooled;
  }

  /** The server passes statements on to others. From now on so many sessions may be open, if they were fewer. */
  passesOn(sessions: number): void {
    const { options } = this.#pool;
    options.max = Math.max(options.max, sessions);
    this.#passesOn = true;
    this.#gate = undefined;
  }

  query<Row>(statement: string | Statement, params: readonly Parameter[] = []): Promise<Row[]> {
    const run = (): Promise<Row[]> =>
      this.#withConnection((connection) => connection.query<Row>(statement, params));
    const isUrgent =
      typeof statement !== "string" && (statement.isUrgent === true || statement.isLocal === true);
    return isUrgent || this.#gate === undefined ? run() : this.#gate.pass(run);
  }

  exec(sql: string): Promise<void> {
    return this.#withConnection((connection) => connection.exec(sql));
  }

  transaction<T>(run: (tx: Transaction) => Promise<T>): Promise<T> {
    const attempt = (): Promise<T> => this.#transact(run);
    return this.#gate === undefined ? attempt() : this.#gate.pass(attempt);
  }

  async #transact<T>(run: (tx: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#withConnection((connection) => connection.transact(() => run(connection)));
      } catch (error) {
        if (attempt === TRANSACTION_ATTEMPTS || !isTransactionVictim(error)) throw error;
      }
    }
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#spare.close();
      this.#closed = this.#pool.end().then(this.#onClose);
    }
    return this.#closed;
  }

  async #withConnection<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
    const session = this.#takeSpare() ?? (await this.#checkOut());
    const connection = new Connection(session, this.#pending, this.#limits, this.#passesOn);
    try {
      const result = await use(connection);
      this.#putBack(session);
      return result;
    } catch (error) {
      if (connection.othersBroken && session.generation === this.#generation) this.#generation += 1;
      const ready = session.untilReady();
      if (ready === undefined) this.#putBack(session);
      else
        holdUntil(
          error,
          ready.then(() => this.#putBack(session)),
        );
      throw error;
    }
  }

  /** Who waits for one waits in the pool. */
  #putBack(session: PooledSession): void {
    if (session.isBroken || this.#pool.waitingCount > 0 || !this.#spare.keep(session)) this.#release(session);
  }

  #takeSpare(): PooledSession | undefined {
    for (;;) {
      const session = this.#spare.take();
      if (session === undefined || this.#isUsable(session)) return session;
      this.#release(session);
    }
  }

  #isUsable(session: PooledSession): boolean {
    return !session.isBroken && session.generation === this.#generation;
  }

  /** To the pool, which ends it when it cannot be used again. */
  #release(session: PooledSession): void {
    session.release(!this.#isUsable(session));
  }

  /** Sessions of an earlier generation are closed. Where there are several servers each is tried once. */
  async #checkOut(): Promise<PooledSession> {
    const failures: unknown[] = [];
    for (;;) {
      let session: PooledSession;
      const server = this.#hosts?.current;
      try {
        session = asSession(await this.#pool.connect());
      } catch (error) {
        failures.push(error);
        const isLast = server === this.#hosts?.current || failures.length >= (this.#hosts?.count ?? 1);
        if (!isLast) continue;
        throw connectError(failures.length === 1 ? error : new AggregateError(failures, ""));
      }
      if (this.#isUsable(session)) {
        this.#spare.entered(session);
        return session;
      }
      this.#release(session);
    }
  }

  /** The first that is done with a new session. A session that takes no writes is refused; another's is left as it was. */
  async #welcome(session: Session): Promise<void> {
    session.generation = this.#generation;
    const answered = this.#pending.start(session, () => session.cut("the server did not answer in time"));
    try {
      await session.greet();
      this.#isPooled = session.isPooled;
      if (!session.isPooled) await session.query(renderSettings(this.#limits, session));
    } finally {
      answered();
    }
  }

  /** On a session of its own: those of the pool may be what is broken. */
  async #askIdle(pids: readonly number[]): Promise<readonly number[]> {
    const session = new Session(this.#config, this.#hosts);
    session.on("error", () => undefined);
    const timer = setTimeout(() => session.cut("nobody answered"), CLIENT_GRACE_MS);
    try {
      await session.connect();
      const { rows } = await session.query<{ pid: number }>(IDLE_PIDS, [pids]);
      return rows.map(({ pid }) => pid);
    } finally {
      clearTimeout(timer);
      void session.end().catch(() => undefined);
    }
  }
}

type PooledSession = Session & pg.PoolClient;

/** All clients of the pool are: it makes them by {@link clientOf}. */
function asSession(client: pg.ClientBase): PooledSession {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return client as PooledSession;
}

function clientOf(hosts: ServerHosts | undefined): new (config?: pg.ClientConfig) => Session {
  return class extends Session {
    constructor(config: pg.ClientConfig = {}) {
      super(config, hosts);
    }
  };
}
