import pg from "pg";
import type { Parameter, Statement, Transaction } from "./database.ts";
import type { PendingQueries } from "./pending-queries.ts";
import { renderSettings, type Session, type SessionLimits } from "./session.ts";
import { breaksAllSessions, breaksSession, isOfOtherServer, storageError } from "./storage-error.ts";
import { callMessage } from "./wire/call-message.ts";
import { encodeForPg } from "./wire/parameters.ts";

/** After an error a server is ready for the next statement at once, unless another one does not let it end the present. */
const READY_MS = 1_000;

/** One session, checked out. */
export class Connection implements Transaction {
  readonly inTransaction = true;
  /** What broke it holds for all that were open at that moment. */
  othersBroken = false;
  readonly #session: Session;
  readonly #pending: PendingQueries;
  readonly #limits: SessionLimits;
  readonly #passesOn: boolean;
  #isOpen = false;

  /** `passesOn`: the server passes statements on to others. */
  constructor(session: Session, pending: PendingQueries, limits: SessionLimits, passesOn: boolean) {
    this.#session = session;
    this.#pending = pending;
    this.#limits = limits;
    this.#passesOn = passesOn;
  }

  async query<Row>(statement: string | Statement, params: readonly Parameter[] = []): Promise<Row[]> {
    const { isPooled } = this.#session;
    if (isPooled && !this.#isOpen) return await this.transact(() => this.query(statement, params));
    // Behind a pooler the next transaction has another session, which does not know the name.
    if (typeof statement !== "string" && !isPooled) {
      const call = callMessage(statement.name, params);
      return await this.#meet(() => this.#session.run<Row>(statement, call));
    }
    const text = typeof statement === "string" ? statement : statement.text;
    const { rows } = await this.#run({ text, values: params.map(encodeForPg) });
    return rows;
  }

  async exec(sql: string): Promise<void> {
    if (this.#session.isPooled && !this.#isOpen) return await this.transact(() => this.exec(sql));
    // It has no deadline, so the server must be able to tell whether it still works on it.
    if (this.#session.isPooled) this.#session.pid ??= await this.#readPid();
    await this.#run({ text: sql }, false);
  }

  /** Runs it in a transaction of its own. */
  async transact<T>(run: () => Promise<T>): Promise<T> {
    await this.#begin();
    try {
      const result = await run();
      await this.#commit();
      return result;
    } catch (error) {
      // When even the rollback fails the session is broken and dropped, and with it the transaction.
      if (!(await this.#isReady())) this.#session.isBroken = true;
      if (!this.#session.isBroken) await this.#run({ text: "ROLLBACK" }).catch(() => undefined);
      throw error;
    } finally {
      this.#isOpen = false;
    }
  }

  /** False when the server, which has told the error, does not take the next statement soon. */
  async #isReady(): Promise<boolean> {
    const ready = this.#session.untilReady();
    if (ready === undefined) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), READY_MS);
    });
    const isReady = await Promise.race([ready.then(() => true as const), late]);
    clearTimeout(timer);
    return isReady;
  }

  async #begin(): Promise<void> {
    const session = this.#session;
    let text = "BEGIN";
    if (session.isPooled) {
      session.pid = undefined;
      text = `BEGIN; ${renderSettings(this.#limits, session)}`;
    }
    await this.#run({ text });
    this.#isOpen = true;
  }

  async #readPid(): Promise<number | undefined> {
    const [row] = await this.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    return row?.pid;
  }

  /** Postgres answers COMMIT with ROLLBACK, and without an error, when a refused statement's error was swallowed. */
  async #commit(): Promise<void> {
    const { command } = await this.#run({ text: "COMMIT" });
    if (command !== "COMMIT")
      throw new Error("A refused statement was swallowed: the transaction was rolled back");
  }

  #run(config: pg.QueryConfig, isBounded = true): Promise<pg.QueryResult> {
    return this.#meet(() => this.#session.query(config), isBounded);
  }

  /** Waits for an answer of the session no longer than is allowed, and notes what it says of the session. */
  async #meet<T>(ask: () => Promise<T>, isBounded = true): Promise<T> {
    const answered = this.#pending.start(this.#session, () => this.#abort(), isBounded);
    try {
      return await ask();
    } catch (error) {
      // What made it was the socket: who asked is told instead.
      if (error instanceof pg.DatabaseError) Error.captureStackTrace(error);
      // A new session knows nothing of the tables and has no connection to the other servers: while one is away each would cost 50 ms.
      const isOfAnother = this.#passesOn && isOfOtherServer(error);
      if (!isOfAnother && breaksSession(error)) this.#session.isBroken = true;
      if (!isOfAnother && breaksAllSessions(error)) this.othersBroken = true;
      throw storageError(error);
    } finally {
      answered();
    }
  }

  /** Answers that a network has lost once are lost on the others too. */
  #abort(): void {
    this.#session.isBroken = true;
    this.othersBroken = true;
    this.#session.cut("the server did not answer in time");
  }
}
