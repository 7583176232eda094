import type { RefusalCode } from "../../domain/refusal.ts";
import type { Database } from "../database/database.ts";
import type { Instance } from "./instance.ts";

/** All instances add to the rows of this shard: some rows a month, a few times a minute. */
export const REFUSALS_SHARD = 0;

interface Count {
  readonly code: RefusalCode;
  readonly creditType: string | null;
  requests: number;
}

/** What is on its way. Sent again under the same number of the same instance it is added once. */
interface Sent {
  readonly instanceNo: number;
  readonly number: number;
  readonly counts: readonly Count[];
}

/**
 * Refusals that this process gave, counted in memory and added to the month's sums when `write` is called. They are no money: what
 * was not written when a process is killed is lost. There are as many counts as codes and credit types, whatever customers do.
 */
export class RefusalTally {
  readonly #database: Database;
  readonly #instance: Instance;
  #counted = new Map<string, Count>();
  #number = 0;
  #sent: Sent | undefined;

  constructor(database: Database, instance: Instance) {
    this.#database = database;
    this.#instance = instance;
  }

  /** `creditType`: what the refusal names, if it names one. */
  count(code: RefusalCode, creditType?: string): void {
    const name = `${code} ${creditType ?? ""}`;
    const known = this.#counted.get(name);
    if (known === undefined) this.#counted.set(name, { code, creditType: creditType ?? null, requests: 1 });
    else known.requests += 1;
  }

  /**
   * Adds what was counted to the month of the database's now; nothing counted costs nothing. Rejects as the database does, and
   * then it is kept: the next call sends it again, and it is added once. Not to be called while it runs.
   */
  async write(): Promise<void> {
    if (this.#sent !== undefined) await this.#send(this.#sent);
    if (this.#counted.size === 0) return;
    const instanceNo = this.#instance.numberOf(this.#instance.id);
    this.#sent = { instanceNo, number: (this.#number += 1), counts: [...this.#counted.values()] };
    this.#counted = new Map();
    await this.#send(this.#sent);
  }

  async #send({ instanceNo, number, counts }: Sent): Promise<void> {
    await this.#instance.register(REFUSALS_SHARD);
    const rows = counts.map(({ code, creditType, requests }) => [code, creditType, requests]);
    await this.#database.query("SELECT farebox.add_refusals($1::smallint, $2::int, $3::bigint, $4::jsonb)", [
      REFUSALS_SHARD,
      instanceNo,
      number,
      JSON.stringify(rows),
    ]);
    this.#sent = undefined;
  }
}
