import type { Mutation } from "../mutation.ts";

/** Code and migrations. */
export const LEDGER: readonly Mutation[] = [
  {
    name: "count shards of a server that hangs as heard",
    why: "Its leases are trusted while it may have given them back: their credits are spent twice.",
    file: "src/ledger/instance/heartbeats.ts",
    search: "unheard: shards.filter((shard) => !known.has(shard))",
    replacement: "unheard: []",
    tests: [
      {
        file: "src/ledger/instance/instance.test.ts",
        title: "is not waited for: the others are heard, at once the next time",
      },
    ],
  },
  {
    name: "believe no death that is told too late",
    why: "The instance goes on with leases that went back to their pools.",
    file: "src/ledger/instance/instance.ts",
    search: "if (!heard.answer.alive) this.markDead(this.id);",
    replacement: "",
    tests: [
      {
        file: "src/ledger/instance/instance.test.ts",
        title: "that says too late that the instance is dead is believed",
      },
    ],
  },
  {
    name: "call others dead in a shard that an instance has not reached since its start",
    why: "When a server of several is back, one that started meanwhile takes all others' leases from them.",
    file: "src/ledger/instance/steady-shards.ts",
    search: "if (hearing === undefined) return !isServed;",
    replacement: "if (hearing === undefined) return true;",
    tests: [
      {
        file: "src/ledger/instance/instance.test.ts",
        title: "needs one of them; the other is taken up by the heartbeat that it answers",
      },
    ],
  },
  {
    name: "ask under a new id what became of a batch of the old one",
    why: "An instance that is declared dead while the outcome of a batch is unknown would charge all of it a second time.",
    file: "src/ledger/batch/lane-sender.ts",
    search: "if (!attempt.isUnknown) works = await",
    replacement: "works = await",
    tests: [
      {
        file: "src/ledger/batch/lane.pg.test.ts",
        title:
          "a charge of unknown outcome is made once though its instance was declared dead and replaced meanwhile",
      },
    ],
  },
  {
    name: "take a transaction that was rolled back for committed",
    why: "Whoever swallowed a refused statement loses all writes of its transaction and is told that they are made.",
    file: "src/ledger/database/connection.ts",
    search: `if (command !== "COMMIT")`,
    replacement: `if (command === "")`,
    tests: [
      {
        file: "src/ledger/database/database.pg.test.ts",
        title: "a transaction whose refused statement was swallowed rejects",
      },
    ],
  },
  {
    name: "let each grant cover all holds",
    why: "Credits that a hold covers once would be kept in every expired grant.",
    file: "migrations/0004_pass_time_on_a_pool.sql",
    search: "    v_cover := greatest(0, v_cover - g.remaining);\n",
    replacement: "",
    tests: [
      {
        file: "src/ledger/pools/roll.pg.test.ts",
        title: "a hold that several expired grants cover keeps what it holds in all, not of each",
      },
    ],
  },
  {
    name: "begin a cap's month anew every day",
    // On the first of a month it is none: day and month begin together.
    why: "A key may spend its month's cap thirty times.",
    file: "migrations/0012_caps_and_leases.sql",
    search: "farebox.spent_in(c.month, c.month_spent, v_month)",
    replacement: "farebox.spent_in(c.month, c.month_spent, v_day)",
    tests: [
      {
        file: "src/ledger/keys/key-cap-windows.pg.test.ts",
        title: "the month goes on counting when a new day begins",
      },
    ],
  },
  {
    name: "grant a period once more when the plan is taken again",
    why: "Leaving a plan and taking it again would be free credits.",
    file: "migrations/0004_pass_time_on_a_pool.sql",
    search: "  IF FOUND THEN RETURN NULL; END IF;\n  v.grant_id",
    replacement: "  IF FOUND THEN v.reference := v.reference || clock_timestamp(); END IF;\n  v.grant_id",
    tests: [
      {
        file: "src/ledger/plans/plan-periods.pg.test.ts",
        title: "a calendar's period is granted once, however often the plan is left and taken again",
      },
    ],
  },
  {
    name: "let a refund of yesterday's charge free today's cap",
    why: "A key spends more in a day than its cap.",
    file: "migrations/0006_grant_refund_adjust.sql",
    search: "IF p_charged_at >= v_cap.day AND p_charged_at < v_cap.day + interval '24 hours' THEN",
    replacement: "IF true THEN",
    tests: [
      {
        file: "src/ledger/keys/key-cap-windows.pg.test.ts",
        title: "a refund of yesterday's charge frees nothing of today's cap",
      },
    ],
  },
  {
    name: "take a locked pool for a database that is away",
    why: "One pool that somebody keeps locked stops every customer of its shard.",
    file: "src/ledger/batch/outcome.ts",
    search: `new Set(["55P03", "57014"])`,
    replacement: "new Set<string>([])",
    tests: [
      {
        file: "src/ledger/batch/locked-pool.pg.test.ts",
        title: "keeps its own items waiting, and nobody else's",
      },
    ],
  },
  {
    name: "charge in part what is to be charged whole",
    why: "Whoever has one credit left gets an answer that costs a thousand.",
    file: "migrations/0043_who_charged_a_hold.sql",
    search: "IF v_kind = 'charged' AND p_special ? 'whole' THEN",
    replacement: "IF false THEN",
    tests: [
      {
        file: "src/ledger/batch/whole-charge.pg.test.ts",
        title: "takes all that the pool has, and of more nothing",
      },
    ],
  },
  {
    name: "charge whole beyond a cap",
    why: "A key spends more than its owner allowed.",
    file: "migrations/0014_batch.sql",
    search: " AND (v_left IS NULL OR p_amount <= v_left)",
    replacement: "",
    tests: [
      { file: "src/ledger/batch/whole-charge.pg.test.ts", title: "is not made beyond a cap of its key" },
    ],
  },
  {
    name: "keep in a day of another zone the hours before it begins",
    why: "Whoever reads their use by day is shown hours twice: more was used than was charged.",
    file: "src/ledger/reports/usage-sums.ts",
    search: "(VALUES (g.plus, 1), (g.minus, -1))",
    replacement: "(VALUES (g.plus, 1), (g.minus, 0))",
    tests: [
      {
        file: "src/ledger/reports/usage-report.pg.test.ts",
        title: "what was used in a read day but outside of the period makes no line",
      },
    ],
  },
  {
    name: "count the first entry of the next piece in this one too",
    why: "A table of what is behind the roll-ups has an entry twice for each piece.",
    file: "src/ledger/reports/usage-sums.ts",
    search: "AND t.seq <= p.last_seq",
    replacement: "AND t.seq <= p.last_seq + 1",
    tests: [
      {
        file: "src/ledger/reports/usage-tails.pg.test.ts",
        title:
          "however much is behind the roll-ups, it is read in pieces that sum to the same, refunds and all",
      },
    ],
  },
  {
    name: "let a refund of last month's charge free this month's cap",
    why: "A key spends more in a month than its cap.",
    file: "migrations/0006_grant_refund_adjust.sql",
    search:
      "IF p_charged_at >= v_cap.month AND p_charged_at < farebox.period_start(v_cap.month, 'month', 1) THEN",
    replacement: "IF true THEN",
    tests: [
      {
        file: "src/ledger/keys/key-cap-windows.pg.test.ts",
        title: "a refund of last month's charge frees nothing of this month's cap",
      },
    ],
  },
  {
    name: "count a refund in the month in which it was made",
    why: "A cap that is set anew has more left than its key may spend.",
    file: "migrations/0009_key_caps.sql",
    search: "      CASE WHEN c.at >= p_month THEN -e.amount ELSE 0 END, -e.amount",
    replacement: "      CASE WHEN e.at >= p_month THEN -e.amount ELSE 0 END, -e.amount",
    tests: [
      {
        file: "src/ledger/keys/key-cap-windows.pg.test.ts",
        title: "a refund of last month's charge frees nothing of this month's cap",
      },
    ],
  },
  {
    name: "let what a plan has got meanwhile outlive it",
    why: "A customer who has left is granted credits for ever.",
    file: "migrations/0015_plan_changes.sql",
    search: "p_items, v.o_now, v.o_now, v.o_next_plan_at);",
    replacement: "p_items, v.o_now, v.o_now, NULL);",
    tests: [
      {
        file: "src/ledger/plans/follow-plan.pg.test.ts",
        title: "what a plan that is to end has got meanwhile ends with it",
      },
    ],
  },
  {
    name: "forget the keys of an account that do not change with it",
    why: "They keep the caps, limits and state of before, for ever.",
    file: "src/ledger/plans/account-plan.ts",
    search: "  await writeKeysBehind(tx, accountId, last);\n",
    replacement: "  await writeKeysBehind(tx, accountId, null);\n",
    tests: [
      {
        file: "src/ledger/plans/follow-plan.pg.test.ts",
        title:
          "the keys of an account with very many follow in steps that are kept, whichever process takes them",
      },
    ],
  },
  {
    name: "take a change of plan back at its very moment",
    why: "What was granted by the next plan stays, beside all that the former goes on granting.",
    file: "migrations/0015_plan_changes.sql",
    search: "IF o_next_plan_at <= o_now THEN",
    replacement: "IF o_next_plan_at < o_now THEN",
    tests: [
      {
        file: "src/ledger/plans/account-plan.pg.test.ts",
        title: "from the moment of a change on it cannot be taken back",
      },
    ],
  },
  {
    name: "forget a hold whose pool does not have its credits back",
    why: "Credits that nobody can spend.",
    file: "migrations/0051_old_rows_apart.sql",
    search: " AND h.shard = p_shard AND h.state <> 'live'",
    replacement: " AND h.shard = p_shard",
    tests: [
      {
        file: "src/ledger/sweep/sweep.pg.test.ts",
        title: "a hold whose time is long over is not forgotten before its pool has its credits back",
      },
    ],
  },
];
