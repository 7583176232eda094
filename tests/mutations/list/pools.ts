import type { Mutation } from "../mutation.ts";

const PASS_TIME = "migrations/0004_pass_time_on_a_pool.sql";
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
    file: "migrations/0058_balances_of_many_grants.sql",
    search: "o_now := greatest(clock_timestamp(), v_before.last_at);",
    replacement: "o_now := clock_timestamp();",
    tests: [
      { file: GRANT_TEST, title: "a clock that steps back never makes a pool's entries run backwards" },
    ],
  },
  {
    name: "take any refund of a reference for a repetition",
    why: "An operator who asks for another amount is told that it was given back.",
    file: "migrations/0057_refunds_of_one_charge.sql",
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
  {
    name: "take a grant that ends as it begins",
    why: "A customer pays for credits that nobody can ever spend.",
    file: MONTHS,
    search: "ELSIF p_expires_at <= v_effective_at THEN v_refused",
    replacement: "ELSIF p_expires_at < v_effective_at THEN v_refused",
    tests: [
      {
        file: "src/ledger/pools/grant.pg.test.ts",
        title: "impossible grants are refused and change nothing",
      },
    ],
  },
  {
    name: "put a grant that begins at its place by age",
    why: "What is spent first is not what is shown first, and holds cover the wrong grants.",
    file: "migrations/0004_pass_time_on_a_pool.sql",
    search:
      "IF (h.priority, coalesce(h.expires_at, 'infinity'), h.effective_at, h.grant_id)\n      < (g.priority, coalesce(g.expires_at, 'infinity'), g.effective_at, g.grant_id)",
    replacement: "IF (h.effective_at, h.grant_id) < (g.effective_at, g.grant_id)",
    tests: [
      {
        file: "src/ledger/pools/grant.pg.test.ts",
        title: "a grant that begins later has its place in the order by what it is",
      },
    ],
  },
  {
    name: "adjust by expiry before priority",
    why: "A correction takes what was paid for before what was given.",
    file: "migrations/0006_grant_refund_adjust.sql",
    search: "    ORDER BY g.priority, g.expires_at NULLS LAST, g.effective_at, g.grant_id\n",
    replacement: "    ORDER BY g.expires_at NULLS LAST, g.priority, g.effective_at, g.grant_id\n",
    tests: [
      {
        file: "src/ledger/pools/grant.pg.test.ts",
        title: "what is adjusted away is taken as a charge would be",
      },
    ],
  },
  {
    name: "adjust away what has expired and let it expire once more",
    why: "The pool loses it twice, or nothing can be adjusted.",
    file: "migrations/0006_grant_refund_adjust.sql",
    search: "v_overdue := least(v_take, d.overdue);",
    replacement: "v_overdue := 0;",
    tests: [
      {
        file: "src/ledger/pools/grant.pg.test.ts",
        title: "what is adjusted away is taken as a charge would be",
      },
    ],
  },
  {
    name: "let what comes back to a spent grant live on past its end",
    why: "Expired credits are sold until somebody rolls the pool.",
    file: "migrations/0006_grant_refund_adjust.sql",
    search: "      io_pool.next_event_at := least(io_pool.next_event_at, v_until);\n    ELSE",
    replacement: "      NULL;\n    ELSE",
    tests: [
      {
        file: "src/ledger/pools/refund-grant.pg.test.ts",
        title: "what comes back to a grant that was spent expires with it",
      },
    ],
  },
  {
    name: "end a refund grant with the longest-lived that ends",
    why: "What came back is gone although other credits live for ever.",
    file: "migrations/0048_few_rows_under_the_lock.sql",
    search: "CASE WHEN count(*) = count(g.expires_at) THEN max(g.expires_at) END INTO v_until",
    replacement: "max(g.expires_at) INTO v_until",
    tests: [
      {
        file: "src/ledger/pools/refund-grant.pg.test.ts",
        title: "a refund grant never expires beside a grant that does not",
      },
    ],
  },
  {
    name: "let a refund grant live as long as one that has expired",
    why: "What came back is gone at once.",
    file: "migrations/0048_few_rows_under_the_lock.sql",
    search: "    AND (g.expires_at IS NULL OR g.expires_at > p_now);\n",
    replacement: "    ;\n",
    tests: [
      {
        file: "src/ledger/pools/refund-grant.pg.test.ts",
        title: "a grant that has expired, and is kept for a hold, is none to live as long as",
      },
    ],
  },
  {
    name: "leave what a refresh lets expire in a full pool's way",
    why: "A plan's customer gets less than the plan promises.",
    file: "migrations/0004_pass_time_on_a_pool.sql",
    search: "max_balance - v_pool.balance + v_pool.overdue);",
    replacement: "max_balance - v_pool.balance);",
    tests: [
      {
        file: "src/ledger/pools/recurring.pg.test.ts",
        title: "a refresh that passes the pool's limit is cut",
      },
    ],
  },
  {
    name: "count what is over a rollover cap against it once more",
    why: "Credits that were below the cap expire.",
    file: "migrations/0004_pass_time_on_a_pool.sql",
    search: "THEN v_beyond := v_beyond + g.remaining - g.overdue; END IF;",
    replacement: "THEN v_beyond := v_beyond + g.remaining; END IF;",
    tests: [
      {
        file: "src/ledger/pools/recurring.pg.test.ts",
        title: "what is over a cap already, and kept for a hold, is not counted against it once more",
      },
    ],
  },
  {
    name: "fill a pool beyond its limit",
    why: "Amounts that no longer fit a JSON number are rounded on their way.",
    file: MONTHS,
    search: "ELSIF v_pool.balance + p_amount > max_balance THEN",
    replacement: "ELSIF v_pool.balance + p_amount > max_balance + 1 THEN",
    tests: [{ file: GRANT_TEST, title: "impossible grants are refused and change nothing" }],
  },
  {
    name: "let a refund grant grow beyond what a pool may hold",
    why: "Amounts that no longer fit a JSON number are rounded on their way.",
    file: "migrations/0048_few_rows_under_the_lock.sql",
    search: "\n    AND g.amount <= max_amount - p_amount\n",
    replacement: "\n",
    tests: [
      {
        file: "src/ledger/pools/refund-grant.pg.test.ts",
        title: "a refund grant holds no more than a pool may",
      },
    ],
  },
];
