import type { Mutation } from "../mutation.ts";

const PASS_TIME = "migrations/0004_pass_time_on_a_pool.sql";
const ROLL = "migrations/0005_roll_a_pool.sql";
const VERBS = "migrations/0006_grant_refund_adjust.sql";
const MONTHS = "migrations/0030_month_sums.sql";
const MONTHS_TEST = "src/ledger/reports/month-report.pg.test.ts";
const RECURRING_TEST = "src/ledger/pools/recurring.pg.test.ts";
const GRANT_TEST = "src/ledger/pools/grant.pg.test.ts";
const PLAN_TEST = "src/ledger/plans/plan-periods.pg.test.ts";

/** What happens to a pool besides charges: rolls, grants, refunds, adjustments, changes of plan. */
export const POOLS: readonly Mutation[] = [
  {
    name: "add what is refunded to a refund grant that ends sooner",
    why: "Credits that should live as long as the longest-lived grant are gone before.",
    file: "migrations/0048_few_rows_under_the_lock.sql",
    search: " AND g.expires_at IS NOT DISTINCT FROM v_until\n",
    replacement: "\n",
    tests: [
      {
        file: "src/ledger/pools/refund-grant.pg.test.ts",
        title: "what belongs to expired grants is one refund grant, however many charges are refunded",
      },
    ],
  },
  {
    name: "tell periods apart by their refresh",
    why: "Leaving a plan and taking it again grants the running month once more.",
    file: PASS_TIME,
    search: "(extract(epoch FROM p_item.anchor_at)",
    replacement: "(extract(epoch FROM p_item.next_at)",
    tests: [
      { file: PLAN_TEST, title: "a period is granted once although its credits are spent" },
      { file: PLAN_TEST, title: "an item that leaves its plan and comes back within a calendar's period" },
    ],
  },
  {
    name: "follow a clock that steps back",
    why: "A statement and a report of the same period tell different charges.",
    file: ROLL,
    search: "o_now := greatest(clock_timestamp(), v_before.last_at);",
    replacement: "o_now := clock_timestamp();",
    tests: [
      { file: GRANT_TEST, title: "a clock that steps back never makes a pool's entries run backwards" },
    ],
  },
  {
    name: "take any refund of a reference for a repetition",
    why: "An operator who asks for another amount is told that it was given back.",
    file: VERBS,
    search: "d.asked IS NOT DISTINCT FROM p_amount",
    replacement: "true",
    tests: [{ file: GRANT_TEST, title: "a refund's reference stands for what was asked" }],
  },
  {
    name: "lose what does not fit without a trace",
    why: "Nobody can tell why the balance is not what the plan promised.",
    file: PASS_TIME,
    search: "      ELSIF g.amount = 0 THEN",
    replacement: "      ELSIF false THEN",
    tests: [{ file: RECURRING_TEST, title: "a refresh that passes the pool's limit is cut" }],
  },
  {
    name: "leave a pool that only has a grant out of sight",
    why: "What was sold is missing in the report by month until the pool is charged.",
    file: MONTHS,
    search:
      "    PERFORM farebox.keep_in_sight(p_shard, p_account, p_type);\n  END IF;\n  PERFORM farebox.write_pool(v_pool);",
    replacement: "  END IF;\n  PERFORM farebox.write_pool(v_pool);",
    tests: [{ file: MONTHS_TEST, title: "a pool that only has a grant is rolled up" }],
  },
  {
    name: "count a month's entries from its roll-up alone",
    why: "The report by month does not add up to the balances.",
    file: "src/ledger/reports/month-report.ts",
    search: "if (hasTails) for (const row of await readTails(tx, shard)) found.add(row);",
    replacement: "",
    tests: [{ file: MONTHS_TEST, title: "is the sum of the entries after any sequence of verbs" }],
  },
];
