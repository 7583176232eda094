import { FareboxError } from "../../domain/farebox-error.ts";
import type { Database, Parameter, Statement, Transaction } from "../database/database.ts";

/**
 * What happens to one statement: it runs and its answer is lost, it never arrives, it arrives when the test says so
 * ({@link LossyDatabase.arrive}), or nothing is wrong.
 */
export type Fault = "answer lost" | "not sent" | "late" | undefined;

/**
 * A database whose connection breaks when a test says so. To the caller a lost answer and a statement that never arrived
 * look the same: FareboxError `storage_unavailable` without an SQLSTATE.
 */
export class LossyDatabase implements Database {
  readonly kind: Database["kind"];
  readonly #inner: Database;
  /** Decides for each statement, by its text, whether it meets a fault. */
  fault: (text: string) => Fault = () => undefined;
  /** How many statements met one. */
  faults = 0;
  readonly #late: (() => Promise<unknown>)[] = [];

  constructor(inner: Database) {
    this.kind = inner.kind;
    this.#inner = inner;
  }

  query<Row>(statement: string | Statement, params?: readonly Parameter[]): Promise<Row[]> {
    const text = typeof statement === "string" ? statement : statement.text;
    return this.#meet(text, () => this.#inner.query<Row>(statement, params));
  }

  exec(sql: string): Promise<void> {
    return this.#meet(sql, () => this.#inner.exec(sql));
  }

  transaction<T>(run: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#inner.transaction(run);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** Lets the statements that are late run, one after the other: their answers, or why they failed. */
  async arrive(): Promise<readonly PromiseSettledResult<unknown>[]> {
    const results: PromiseSettledResult<unknown>[] = [];
    for (const run of this.#late.splice(0)) results.push(...(await Promise.allSettled([run()])));
    return results;
  }

  async #meet<T>(text: string, run: () => Promise<T>): Promise<T> {
    const fault = this.fault(text);
    if (fault === undefined) return run();
    this.faults += 1;
    if (fault === "answer lost") await run();
    if (fault === "late") this.#late.push(run);
    throw new FareboxError("storage_unavailable", "The connection broke.", { retryable: true });
  }
}

/** A fault that the next `times` statements that match meet. */
export function nextStatements(matching: RegExp, times: number, fault: Fault): (text: string) => Fault {
  let left = times;
  return (text) => {
    if (left === 0 || !matching.test(text)) return undefined;
    left -= 1;
    return fault;
  };
}
