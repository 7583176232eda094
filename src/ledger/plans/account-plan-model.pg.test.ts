import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import type { Every } from "../../domain/period.ts";
import type { Database } from "../database/database.ts";
import { type PoolKey, poolKeyOf } from "../pools/pool-key.ts";
import { assertSound, createPool } from "../testing/books.ts";
import { firstPeriodAfter } from "../testing/period-model.ts";
import { type ModelItem, PlanModel } from "../testing/plan-model.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { type NewPlan, publishPlans, readPlan, storedItems } from "./plans.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const TYPES = ["collect", "search"] as const;
const PLANS = ["alpha", "beta", "gamma"] as const;

/** A modest number: each command is a handful of statements. A failure prints its seed and the shortest run that fails. */
const RUNS = 80;

type PlanName = (typeof PLANS)[number];

type Command =
  | {
      readonly kind: "assign";
      readonly plan: PlanName;
      readonly when: "now" | "refresh";
      readonly anchor: number | null;
    }
  | { readonly kind: "cancel"; readonly when: "now" | "refresh" }
  | { readonly kind: "keep" }
  | {
      readonly kind: "publish";
      readonly plan: PlanName;
      readonly items: readonly ModelItem[];
      readonly isFollowed: boolean;
    }
  | { readonly kind: "follow" }
  | { readonly kind: "await" }
  | { readonly kind: "pass"; readonly ms: number };

const when = fc.constantFrom("now" as const, "refresh" as const);
/** Changes of one and the same plan are what is rare. */
const plan = fc.constantFrom<PlanName>("alpha", "alpha", "alpha", "beta", "gamma");
const item = fc.record<Omit<ModelItem, "creditType">>({
  amount: fc.constantFrom(10n, 100n, 1000n),
  every: fc.constantFrom<Every>("day", "week", "month", "month", "year"),
  rollover: fc.constantFrom("none" as const, "all" as const, 150n),
  anchor: fc.constantFrom("assignment" as const, "calendar" as const),
});
const items = fc
  .tuple(fc.option(item, { freq: 3 }), fc.option(item, { freq: 3 }))
  .map((given): ModelItem[] =>
    given.flatMap((one, index) => (one === null ? [] : [{ ...one, creditType: TYPES[index] ?? "search" }])),
  );

const anchors = fc.option(fc.constantFrom<number>(-40 * DAY, -3 * DAY, 0, HOUR, 20 * DAY), { freq: 2 });

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constant("assign" as const),
    plan,
    when,
    anchor: anchors,
  }),
  fc.record({ kind: fc.constant("assign" as const), plan, when, anchor: fc.constant(null) }),
  fc.record({ kind: fc.constant("cancel" as const), when }),
  fc.record({ kind: fc.constant("keep" as const) }),
  fc.record({
    kind: fc.constant("publish" as const),
    plan,
    items,
    isFollowed: fc.constantFrom(true, true, false),
  }),
  fc.record({ kind: fc.constant("follow" as const) }),
  fc.record({ kind: fc.constant("await" as const) }),
  fc.record({
    kind: fc.constant("pass" as const),
    ms: fc.constantFrom(HOUR, 5 * HOUR, DAY, 3 * DAY, 10 * DAY, 31 * DAY, 95 * DAY),
  }),
  fc.record({
    kind: fc.constant("pass" as const),
    ms: fc.integer({ min: 0, max: 40 * DAY }),
  }),
);

/** The clock may stand anywhere in a month, on its last days more often than not. */
const beginnings = fc.oneof(
  fc.date({ min: new Date("2020-01-01"), max: new Date("2029-12-31"), noInvalidDate: true }),
  fc.constantFrom(
    new Date("2024-01-31T10:00:00Z"),
    new Date("2027-01-31T23:59:59.999Z"),
    new Date("2024-02-29T00:00:00Z"),
    new Date("2026-03-28T01:30:00Z"),
    new Date("2025-12-31T00:00:00Z"),
  ),
);

eachDatabase("plans against a model", (openFresh) => {
  let db: Database;
  before(async () => {
    db = await openFresh();
  });

  class World {
    readonly account: number;
    readonly shard: number;
    /** The numbers of {@link TYPES}. */
    readonly types: readonly number[];
    readonly model: PlanModel;
    /** Every run has plans of its own. */
    readonly prefix: string;

    constructor(account: string, { shard, accountNo }: PoolKey, types: readonly number[], now: Date) {
      this.account = accountNo;
      this.shard = shard;
      this.types = types;
      this.model = new PlanModel(account, now);
      this.prefix = `${account}-`;
    }

    async publish(name: PlanName, granted: readonly ModelItem[]): Promise<void> {
      const published: NewPlan = { name: this.prefix + name, recurring: granted };
      await db.transaction((tx) => publishPlans(tx, [published]));
    }

    async read(name: string): Promise<{ granted: ModelItem[]; parameters: [string, number, string] }> {
      const stored = await readPlan(db, name);
      const granted = stored.recurring.map((one) => ({
        ...one,
        anchor: one.anchor ?? ("assignment" as const),
      }));
      return { granted, parameters: [name, stored.version, storedItems(stored)] };
    }

    async run(given: Command): Promise<void> {
      const { model, account, shard } = this;
      switch (given.kind) {
        case "await":
          // The very moment at which the plan changes, or else grants.
          model.now = model.next?.at ?? model.nextRefresh("collect") ?? model.now;
          break;
        case "pass":
          model.now = new Date(model.now.getTime() + given.ms);
          break;
        case "publish":
          await this.publish(given.plan, given.items);
          if (given.isFollowed) await this.run({ kind: "follow" });
          break;
        case "assign": {
          const anchorAt =
            given.anchor === null || given.when === "refresh"
              ? undefined
              : new Date(model.now.getTime() + given.anchor);
          const { granted, parameters } = await this.read(this.prefix + given.plan);
          const values = [shard, account, ...parameters, given.when === "refresh", anchorAt, model.now];
          await db.query("SELECT farebox.change_plan($1, $2, $3, $4, $5::jsonb, '{}', $6, $7, $8)", values);
          model.change(this.prefix + given.plan, granted, given.when, anchorAt);
          break;
        }
        case "cancel":
          await db.query("SELECT farebox.change_plan($1, $2, NULL, NULL, '[]', '{}', $3, NULL, $4)", [
            shard,
            account,
            given.when === "refresh",
            model.now,
          ]);
          model.change(undefined, [], given.when);
          break;
        case "keep": {
          const [row] = await db.query<{ kept: boolean }>(
            "SELECT farebox.keep_plan($1, $2, '{}', $3) AS kept",
            [shard, account, model.now],
          );
          model.advance();
          assert.equal(row?.kept, model.withdraw());
          break;
        }
        case "follow":
          model.advance();
          for (const name of [model.plan, model.next?.plan]) {
            if (name === undefined) continue;
            const { granted, parameters } = await this.read(name);
            await db.query("SELECT farebox.follow_plan($1, $2, $3, $4, $5::jsonb, '{}', $6)", [
              shard,
              account,
              ...parameters,
              model.now,
            ]);
            model.follow(name, granted);
          }
      }
    }

    /** Brings the pools up to the model's time and compares them with it. */
    async compare(): Promise<void> {
      const { model, account, shard } = this;
      model.advance();
      for (const [index, creditType] of TYPES.entries()) {
        const type = this.types[index];
        await db.query("SELECT farebox.roll_pool_to($1, $2, $3, $4)", [shard, account, type, model.now]);
        const [pool] = await db.query<{ balance: bigint; next: Date | null }>(
          `SELECT p.balance, (SELECT min(r.next_at) FROM farebox.recurring r WHERE r.account_no = p.account_no
             AND r.type_no = p.type_no AND (r.until IS NULL OR r.next_at < r.until)) AS next
           FROM farebox.pools p WHERE p.account_no = $1 AND p.type_no = $2`,
          [account, type],
        );
        assert.equal(pool?.balance, model.balance(creditType), `${creditType} at ${model.now.toISOString()}`);
        assert.deepEqual(
          pool.next ?? undefined,
          model.nextRefresh(creditType),
          `${creditType}: next refresh`,
        );
      }
      const rows = await db.query<{ reference: string; remaining: bigint; expires: Date | null }>(
        `SELECT reference, remaining, expires_at AS expires FROM farebox.grants WHERE account_no = $1`,
        [account],
      );
      const seen = rows.map((row) => [row.reference, row.remaining, row.expires ?? undefined]);
      const expected = [...model.grants.values()].map((grant) => [
        grant.reference,
        grant.left,
        grant.expiresAt,
      ]);
      const byReference = (list: unknown[][]): unknown[][] =>
        list.toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
      assert.deepEqual(byReference(seen), byReference(expected));
    }
  }

  test("any sequence of assignments, cancellations, withdrawals and publications grants what the model says", async () => {
    const property = fc.asyncProperty(
      beginnings,
      fc.tuple(items, items, items),
      fc.array(command, { minLength: 3, maxLength: 14 }),
      async (beginning, first, commands) => {
        const pool = await createPool(db, 0n);
        const keys: PoolKey[] = [];
        for (const creditType of TYPES) keys.push(await poolKeyOf(db, { ...pool, creditType }));
        const [key] = keys;
        assert.ok(key);
        const types = keys.map(({ typeNo }) => typeNo);
        for (const type of types) {
          await db.query("SELECT farebox.create_pools($1, $2, $3)", [key.shard, [key.accountNo], [type]]);
        }
        const world = new World(pool.accountId, key, types, beginning);
        for (const [index, name] of PLANS.entries()) await world.publish(name, first[index] ?? []);
        for (const given of commands) {
          await world.run(given);
          await world.compare();
        }
      },
    );
    await fc.assert(property, { numRuns: RUNS });
    await assertSound(db);
  });

  test("the period in which a moment lies is that of the domain's reference", async () => {
    const moment = fc.date({ min: new Date("2000-02-01"), max: new Date("2040-01-01"), noInvalidDate: true });
    const property = fc.asyncProperty(
      moment,
      moment,
      fc.constantFrom<Every>("day", "week", "month", "year"),
      async (anchor, at, every) => {
        const [row] = await db.query<{ period: number }>("SELECT farebox.period_at($1, $2, $3) AS period", [
          anchor,
          every,
          at,
        ]);
        assert.equal(row?.period, Math.max(0, firstPeriodAfter(anchor, every, at).period - 1));
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });
});
