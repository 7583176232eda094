import { FareboxError } from "../../domain/farebox-error.ts";
import { unknownAccount } from "../accounts/unknown-account.ts";
import type { Queryable, Statement } from "../database/database.ts";
import { numberCreditType } from "../pools/pool-key.ts";

/** Names whose numbers are remembered, of each kind: some 10 MB at most. Beyond it everything is asked for once more. */
const MOST_NAMES = 100_000;

const ACCOUNTS: Statement = {
  name: "number-accounts",
  isLocal: true,
  text: "SELECT account_id AS id, account_no AS no, shard FROM farebox.accounts WHERE account_id = ANY ($1::text[])",
};
const TYPES: Statement = {
  name: "number-types",
  isLocal: true,
  text: "SELECT credit_type AS name, type_no AS no FROM farebox.credit_types WHERE credit_type = ANY ($1::text[])",
};
const KEYS: Statement = {
  name: "number-keys",
  isLocal: true,
  text: "SELECT key_id AS id, key_no AS no FROM farebox.keys WHERE key_id = ANY ($1::text[])",
};
const ENDPOINTS: Statement = {
  name: "number-endpoints",
  isLocal: true,
  text: "SELECT endpoint AS name, endpoint_no AS no FROM farebox.endpoints WHERE endpoint = ANY ($1::text[])",
};

const ADD_ENDPOINTS: Statement = {
  name: "add-endpoints",
  isUrgent: true,
  text: "INSERT INTO farebox.endpoints (endpoint) SELECT name FROM unnest($1::text[]) name ORDER BY name ON CONFLICT DO NOTHING",
};

/** What one item names. */
export interface Named {
  readonly accountId: string;
  readonly creditType: string;
  readonly shard: number;
  readonly keyId?: string | undefined;
  readonly endpoint?: string | undefined;
  /** The counter of a price's tiers. */
  readonly counter?: string | undefined;
}

/**
 * The numbers by which the tables name accounts, credit types, keys and endpoints. They are given once and never change, so they
 * are remembered; a batch of names that nobody asked for before costs one query per kind.
 */
export class Numbers {
  readonly #accounts = new Map<string, { readonly no: number; readonly shard: number }>();
  readonly #types = new Map<string, number>();
  readonly #keys = new Map<string, number>();
  readonly #endpoints = new Map<string, number>();
  readonly #mostMs: number | undefined;
  /** Endpoints that are being given a number. */
  readonly #adding = new Map<string, Promise<unknown>>();

  /** `mostMs`: a name that cannot be added in time, by a server of several that hangs, rejects as one that is away. */
  constructor(mostMs?: number) {
    this.#mostMs = mostMs;
  }

  /** Asks for what is not known yet. A name that does not exist stays unknown. Rejects as `query` does. */
  async learn(db: Queryable, items: Iterable<Named>): Promise<void> {
    const accounts = new Set<string>();
    const types = new Set<string>();
    const keys = new Set<string>();
    const endpoints = new Set<string>();
    for (const { accountId, creditType, keyId, endpoint, counter } of items) {
      if (!this.#accounts.has(accountId)) accounts.add(accountId);
      if (!this.#types.has(creditType)) types.add(creditType);
      if (keyId !== undefined && !this.#keys.has(keyId)) keys.add(keyId);
      if (endpoint !== undefined && !this.#endpoints.has(endpoint)) endpoints.add(endpoint);
      if (counter !== undefined && !this.#endpoints.has(counter)) endpoints.add(counter);
    }
    if (accounts.size > 0) await this.#learnAccounts(db, [...accounts]);
    if (types.size > 0) await this.#learnTypes(db, [...types]);
    if (keys.size > 0) await this.#learnKeys(db, [...keys]);
    if (endpoints.size > 0) await this.#learnEndpoints(db, [...endpoints]);
  }

  /** Whether the numbers of all that an item names are known. */
  isLearnt({ accountId, creditType, keyId, endpoint, counter }: Named): boolean {
    return (
      this.#accounts.has(accountId) &&
      this.#types.has(creditType) &&
      (keyId === undefined || this.#keys.has(keyId)) &&
      [endpoint, counter].every((name) => name === undefined || this.#endpoints.has(name))
    );
  }

  /** The pool's account and credit type. Throws FareboxError `account_unknown`, also for an account of another shard. */
  poolOf({ accountId, creditType, shard }: Named): { readonly accountNo: number; readonly typeNo: number } {
    const account = this.#accounts.get(accountId);
    const typeNo = this.#types.get(creditType);
    if (account === undefined || account.shard !== shard || typeNo === undefined)
      throw unknownAccount(accountId);
    return { accountNo: account.no, typeNo };
  }

  /** Whether there is such an account, in this shard. */
  knows({ accountId, shard }: Named): boolean {
    return this.#accounts.get(accountId)?.shard === shard;
  }

  /** Undefined: there is no such key. */
  keyOf(keyId: string): number | undefined {
    return this.#keys.get(keyId);
  }

  endpointOf(endpoint: string): number {
    const no = this.#endpoints.get(endpoint);
    if (no === undefined) throw new Error(`the endpoint ${endpoint} has no number`);
    return no;
  }

  async #learnTypes(db: Queryable, names: readonly string[]): Promise<void> {
    for (const { name, no } of await db.query<{ name: string; no: number }>(TYPES, [names])) {
      this.#types.set(name, no);
    }
    for (const name of names) {
      if (!this.#types.has(name)) this.#types.set(name, await numberCreditType(db, name));
    }
  }

  async #learnAccounts(db: Queryable, ids: readonly string[]): Promise<void> {
    const rows = await db.query<{ id: string; no: number; shard: number }>(ACCOUNTS, [ids]);
    makeRoom(this.#accounts, rows.length);
    for (const { id, no, shard } of rows) this.#accounts.set(id, { no, shard });
  }

  async #learnKeys(db: Queryable, ids: readonly string[]): Promise<void> {
    const rows = await db.query<{ id: string; no: number }>(KEYS, [ids]);
    makeRoom(this.#keys, rows.length);
    for (const { id, no } of rows) this.#keys.set(id, no);
  }

  /** A name that has no number yet gets one. Only those are inserted: each attempt would use a number up. */
  async #learnEndpoints(db: Queryable, names: readonly string[]): Promise<void> {
    const unknown = new Set(names);
    for (const { name } of await this.#readEndpoints(db, names)) unknown.delete(name);
    if (unknown.size === 0) return;
    // On a cluster that takes as long as the slowest of its servers: nobody asks for the same twice.
    const fresh = [...unknown].filter((name) => !this.#adding.has(name));
    if (fresh.length > 0) {
      const added = db.query(ADD_ENDPOINTS, [fresh]).finally(() => {
        for (const name of fresh) this.#adding.delete(name);
      });
      for (const name of fresh) this.#adding.set(name, added);
    }
    await this.#soon(Promise.all([...unknown].flatMap((name) => this.#adding.get(name) ?? [])));
    await this.#readEndpoints(db, [...unknown]);
  }

  async #soon(added: Promise<unknown>): Promise<void> {
    if (this.#mostMs === undefined) {
      await added;
      return;
    }
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(slow()), this.#mostMs);
    });
    await Promise.race([added, tooLate]).finally(() => clearTimeout(timer));
  }

  async #readEndpoints(
    db: Queryable,
    names: readonly string[],
  ): Promise<readonly { readonly name: string }[]> {
    const rows = await db.query<{ name: string; no: number }>(ENDPOINTS, [names]);
    makeRoom(this.#endpoints, rows.length);
    for (const { name, no } of rows) this.#endpoints.set(name, no);
    return rows;
  }
}

/** As the server says it that passes a statement on, a little later. */
function slow(): FareboxError {
  return new FareboxError("storage_unavailable", "A new name is not known to all servers in time.", {
    retryable: true,
    detail: { sqlState: "57014" },
  });
}

function makeRoom(names: Map<string, unknown>, count: number): void {
  if (names.size + count > MOST_NAMES) names.clear();
}
