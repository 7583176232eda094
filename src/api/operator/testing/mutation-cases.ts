import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { formatId, ID_RANDOM_BYTES } from "../../../domain/ids.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import type { Database } from "../../../ledger/database/database.ts";
import { createExport } from "../../../ledger/exports/ask-for-export.ts";
import { findExport } from "../../../ledger/exports/read-exports.ts";
import { failExport } from "../../../ledger/exports/work-on-export.ts";
import { LongHoldRows } from "../../../ledger/long-holds/long-hold-rows.ts";
import { type LedgerHandle, openLedger } from "../../../ledger/open-ledger.ts";
import { publishPlans } from "../../../ledger/plans/plans.ts";
import { createPortalSession } from "../../../ledger/sessions/portal-sessions.ts";
import { chargeOf, LEDGER, nameKeys } from "../../../ledger/testing/books.ts";
import { claimOf, exportOf } from "../../../ledger/testing/new-export.ts";
import { OperatorUnderTest } from "./operator-under-test.ts";

/** A request that is right: what it needs is there. */
interface Prepared {
  /** Values of the path's parameters. */
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** How a mutation is tried by the tests that are the same for all of them. */
export interface MutationCase {
  /** The audit row's action. Null: the operation changes nothing, it only has a body. */
  readonly action: string | null;
  readonly prepare: (scene: Scene) => Promise<Prepared> | Prepared;
}

/** An operator API on a database with plans, and what requests need. */
export class Scene {
  readonly operator: OperatorUnderTest;
  readonly database: Database;
  readonly #ledger: LedgerHandle;

  static async open(database: Database): Promise<Scene> {
    await database.transaction((tx) =>
      publishPlans(tx, [
        {
          name: "starter",
          recurring: [{ creditType: "credits", amount: 10n, every: "month", rollover: "all" }],
        },
        {
          name: "growth",
          recurring: [{ creditType: "credits", amount: 20n, every: "month", rollover: "all" }],
        },
      ]),
    );
    return new Scene(database, await openLedger(database, LEDGER));
  }

  private constructor(database: Database, ledger: LedgerHandle) {
    this.database = database;
    this.operator = new OperatorUnderTest(database);
    this.#ledger = ledger;
  }

  /** A new account with 100 credits. */
  async account(plan?: string): Promise<string> {
    const { status, body } = await this.operator.post("/v1/accounts", { name: "Acme", plan });
    assert.equal(status, 201);
    await this.operator.post(`/v1/accounts/${body.id}/grants`, { amount: 100 });
    return String(body.id);
  }

  /** A new key of a new account: its id and its text. */
  async key(): Promise<{ readonly id: string; readonly key: string }> {
    const { status, body } = await this.operator.post(`/v1/accounts/${await this.account()}/keys`, {});
    assert.equal(status, 201);
    return { id: String(body.id), key: String(body.key) };
  }

  /** A session of an account's customer. */
  async session(accountId: string): Promise<string> {
    const sessionId = formatId("session", randomBytes(ID_RANDOM_BYTES));
    const times = { idleSeconds: 60, longestSeconds: 60 };
    const row = { sessionId, hashHex: randomBytes(32).toString("hex"), ...times };
    const session = { accountId, access: "read", keyId: null, keyHashHex: null } as const;
    await this.database.transaction((tx) => createPortalSession(tx, row, session));
    return sessionId;
  }

  /** A queued export. */
  async export(): Promise<string> {
    const accountId = await this.account();
    const { shard } = await readAccount(this.database, accountId);
    const pool = { accountId, creditType: "credits", shard };
    await nameKeys(this.database, pool, ["key_1"]);
    const created = await createExport(this.database, exportOf(pool));
    assert.equal(created.kind, "created");
    return created.job.exportId;
  }

  /** A long hold of 10 credits. */
  async longHold(): Promise<{ readonly account: string; readonly hold: string }> {
    const account = await this.account();
    const { shard } = await readAccount(this.database, account);
    const pool = { accountId: account, creditType: "credits", shard };
    const { body: key } = await this.operator.post(`/v1/accounts/${account}/keys`, {});
    const requestId = randomUUID();
    const opened = await new LongHoldRows(this.database).open({
      pool,
      keyId: String(key.id),
      endpoint: "POST /jobs",
      requestId,
      callerId: requestId,
      content: "0".repeat(64),
      token: "text",
      amount: 10_000_000n,
      units: 10,
      most: undefined,
      ttlSeconds: 3_600,
    });
    assert.equal(opened.kind, "held");
    return { account, hold: requestId };
  }

  async failedExport(): Promise<string> {
    const exportId = await this.export();
    const job = await findExport(this.database, [0, 1, 2, 3], exportId);
    const claimed = job && (await claimOf(this.database, job));
    assert.ok(claimed);
    const failure = {
      code: "export_source_failed",
      message: "It broke.",
      retryInMs: undefined,
      counts: true,
    };
    await failExport(this.database, claimed.job, claimed.claim, failure);
    return exportId;
  }

  /** A charge of 10 credits. */
  async charge(): Promise<{ readonly account: string; readonly charge: string; readonly requestId: string }> {
    const account = await this.account();
    const { shard } = await readAccount(this.database, account);
    const requestId = randomUUID();
    await nameKeys(this.database, { accountId: account, shard }, ["key_1"]);
    await this.#ledger.charge(
      chargeOf({ accountId: account, creditType: "credits", shard }, 10_000_000n, { requestId }),
    );
    const { body } = await this.operator.get(`/v1/accounts/${account}/entries?kind=charge`);
    return { account, charge: String(body.entries[0].charge), requestId };
  }

  /** What a right request to this operation would be, with its path filled in. */
  async post(path: string, body: object): Promise<Record<string, unknown>> {
    const answer = await this.operator.post(path, body);
    assert.ok(answer.status < 300, `${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}

const FUTURE = "2100-01-01T00:00:00Z";
const PAST = { from: "2020-01-01T00:00:00Z", to: "2021-01-01T00:00:00Z" };
let lists = 0;
let tokens = 0;

/** Different each time, because the same prices again publish nothing. */
function priceList(): Readonly<Record<string, unknown>> {
  lists += 1;
  return {
    prices: [{ match: `GET /v1/list-${lists}`, cost: 1, credit: "credits" }],
    unpriced: "free",
    effectiveAt: FUTURE,
  };
}

const onAccount =
  (body?: Readonly<Record<string, unknown>>, plan?: string) =>
  async (scene: Scene): Promise<Prepared> => ({
    params: { account: await scene.account(plan) },
    ...(body === undefined ? {} : { body }),
  });

const onKey =
  (body?: Readonly<Record<string, unknown>>) =>
  async (scene: Scene): Promise<Prepared> => ({
    params: { key: (await scene.key()).id },
    ...(body === undefined ? {} : { body }),
  });

/** Every operation that is not a GET, by its operationId. A tidy test compares the ids with the API's. */
export const MUTATION_CASES: Readonly<Record<string, MutationCase>> = {
  createAccount: {
    action: "account.create",
    prepare: () => ({ body: { name: "Acme", plan: "starter", anchorAt: FUTURE, metadata: { crm: "42" } } }),
  },
  updateAccount: {
    action: "account.update",
    prepare: onAccount({ name: "Acme Ltd", metadata: { crm: "42", tier: null } }),
  },
  suspendAccount: { action: "account.suspend", prepare: onAccount({ reason: "unpaid" }) },
  resumeAccount: { action: "account.resume", prepare: onAccount({ reason: "paid" }) },
  closeAccount: { action: "account.close", prepare: onAccount({ reason: "left" }) },
  assignPlan: {
    action: "plan.assign",
    prepare: onAccount({ plan: "starter", when: "now", anchorAt: FUTURE }),
  },
  cancelPlan: { action: "plan.cancel", prepare: onAccount({ when: "now" }, "starter") },
  keepPlan: {
    action: "plan.keep",
    prepare: async (scene) => {
      const account = await scene.account("starter");
      await scene.post(`/v1/accounts/${account}/plan`, { plan: "growth", when: "refresh" });
      return { params: { account } };
    },
  },
  releaseLongHold: {
    action: "long_hold.release",
    prepare: async (scene) => ({ params: { ...(await scene.longHold()) }, body: { reason: "its job died" } }),
  },
  extendLongHold: {
    action: "long_hold.extend",
    prepare: async (scene) => ({ params: { ...(await scene.longHold()) }, body: { seconds: 7_200 } }),
  },
  createPortalLink: { action: "portal_link.create", prepare: onAccount({ access: "manage", seconds: 60 }) },
  importKeys: {
    action: "key.import",
    // Others each time: a key belongs to one account.
    prepare: (scene) =>
      onAccount({
        keys: [
          { key: `old-${randomBytes(16).toString("hex")}`, name: "from elsewhere" },
          { sha256: randomBytes(32).toString("hex"), hint: "old-...1234", scopes: ["GET /v1/leads"] },
        ],
      })(scene),
  },
  createKey: {
    action: "key.create",
    prepare: onAccount({
      name: "production",
      scopes: ["GET /v1/leads"],
      addresses: ["192.0.2.7"],
      caps: [{ creditType: "credits", day: 5, month: null, total: 50 }],
      expiresAt: FUTURE,
    }),
  },
  updateKey: {
    action: "key.update",
    prepare: onKey({
      name: "staging",
      scopes: null,
      addresses: ["10.0.0.0/8"],
      caps: [{ creditType: "credits", day: 5, month: null, total: 50 }],
      expiresAt: null,
    }),
  },
  searchKeys: { action: null, prepare: () => ({ body: { hint: "fbx_...9zKq" } }) },
  rotateKey: { action: "key.rotate", prepare: onKey({ graceSeconds: 60 }) },
  revokeKey: { action: "key.revoke", prepare: onKey() },
  createGrant: {
    action: "grant.create",
    prepare: onAccount({
      amount: 5,
      creditType: "search",
      expiresAt: FUTURE,
      priority: 7,
      source: "promo",
      reference: "r",
    }),
  },
  createAdjustment: {
    action: "adjustment.create",
    prepare: onAccount({ amount: -5, creditType: "credits", reason: "mistake", reference: "r" }),
  },
  createRefund: {
    action: "refund.create",
    prepare: async (scene) => ({
      params: { charge: (await scene.charge()).charge },
      body: { amount: 4, reason: "goodwill", reference: "r" },
    }),
  },
  createRequestRefund: {
    action: "refund.create",
    prepare: async (scene) => {
      const { account, requestId } = await scene.charge();
      return { params: { account }, body: { requestId, amount: 4, reason: "goodwill", reference: "r" } };
    },
  },
  previewBulkRefund: { action: null, prepare: () => ({ body: { filter: PAST } }) },
  createBulkRefund: {
    action: "bulk_refund.create",
    prepare: () => ({ body: { filter: PAST, reason: "outage", expect: { charges: 0, credits: {} } } }),
  },
  cancelBulkRefund: {
    action: "bulk_refund.cancel",
    prepare: async (scene) => {
      const bulk = await scene.post("/v1/bulk-refunds", { filter: PAST, reason: "outage" });
      return { params: { bulkRefund: String(bulk["id"]) } };
    },
  },
  cancelExport: {
    action: "export.cancel",
    prepare: async (scene) => ({ params: { export: await scene.export() } }),
  },
  retryExport: {
    action: "export.retry",
    prepare: async (scene) => ({ params: { export: await scene.failedExport() } }),
  },
  createToken: {
    action: "token.create",
    prepare: () => {
      tokens += 1;
      const limits = { each: 5, day: 10 };
      return { body: { name: `token-${tokens}`, role: "support", limits, expiresAt: FUTURE } };
    },
  },
  createConsoleLink: { action: "console_link.create", prepare: () => ({ body: { seconds: 60 } }) },
  endSession: {
    action: "session.end",
    prepare: async (scene) => ({ params: { session: await scene.session(await scene.account()) } }),
  },
  endAccountSessions: {
    action: "account.end_sessions",
    prepare: async (scene) => {
      const account = await scene.account();
      await scene.session(account);
      return { params: { account } };
    },
  },
  revokeToken: {
    action: "token.revoke",
    prepare: async (scene) => {
      tokens += 1;
      const token = await scene.post("/v1/tokens", { name: `token-${tokens}`, role: "read" });
      return { params: { token: String(token["id"]) } };
    },
  },
  publishPriceList: { action: "price_list.publish", prepare: () => ({ body: priceList() }) },
  cancelPriceList: {
    action: "price_list.cancel",
    prepare: async (scene) => {
      const list = await scene.post("/v1/price-lists", priceList());
      return { params: { version: String(list["version"]) } };
    },
  },
  publishAccountPrices: {
    action: "account_prices.publish",
    prepare: async (scene) => ({
      params: { account: await scene.account() },
      body: { prices: [{ match: "GET /v1/own", cost: 1, credit: "credits" }] },
    }),
  },
  cancelAccountPrices: {
    action: "account_prices.cancel",
    prepare: async (scene) => {
      const account = await scene.account();
      const prices = [{ match: "GET /v1/own", cost: 1, credit: "credits" }];
      const list = await scene.post(`/v1/accounts/${account}/price-lists`, { prices });
      return { params: { account, version: String(list["version"]) } };
    },
  },
  simulatePrices: {
    action: null,
    prepare: () => ({ body: { prices: [], from: "2020-01-01", to: "2020-01-02" } }),
  },
};
