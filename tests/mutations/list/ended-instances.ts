import type { Mutation } from "../mutation.ts";

const RELEASE = "migrations/0048_few_rows_under_the_lock.sql";
const SPARE = "migrations/0050_spare_lanes.sql";
const LOCKED_LANE_TEST = "src/ledger/batch/locked-lane.pg.test.ts";
const DEAD_TOGETHER =
  "is dead with its spare ones, once: what was leased goes back once, and no new one is made";
const END_TEST = "src/ledger/instance/end-instance.pg.test.ts";
const SWEEP_TEST = "src/ledger/sweep/sweep.pg.test.ts";
const DEAD_TEST = {
  file: SWEEP_TEST,
  title: "a silent instance is declared dead, and its leases go back to their pools",
};
const KEYS_TEST = {
  file: "src/ledger/keys/key-caps.pg.test.ts",
  title: "a dead instance's leases of keys return to pool and caps, whoever releases them",
};

/** How the leases of an instance that ended go back to their pools. */
export const ENDED_INSTANCES: readonly Mutation[] = [
  {
    name: "forget the keys of a dead instance that did not go back at once",
    why: "Credits that nobody can spend, of an account with thousands of capped keys.",
    file: RELEASE,
    search: "  IF v_keys = c_keys THEN RETURN true; END IF;\n",
    replacement: "",
    tests: [
      {
        file: "src/ledger/keys/many-keys.pg.test.ts",
        title: "has their leases given back in turns when an instance dies, and counted in every turn",
      },
    ],
  },
  {
    name: "take leases from an instance that lives",
    why: "It goes on charging what others have already spent.",
    file: RELEASE,
    search: " AND l.state = 'dead'",
    replacement: "",
    tests: [{ file: END_TEST, title: "keeps its leases as long as it lives" }],
  },
  {
    name: "let leases go back before what is due on their pool",
    why: "The same history makes other entries than by a batch: the books cannot be recomputed.",
    file: RELEASE,
    search: "  IF v_pool.next_event_at <= v_now THEN v_pool := farebox.roll(v_pool, v_now); END IF;\n",
    replacement: "",
    tests: [
      { file: END_TEST, title: "what is due on its pools happens before its leases go back, as in a batch" },
    ],
  },
  {
    name: "keep held what a dead instance leased",
    why: "Credits that nobody can spend.",
    file: RELEASE,
    search: "    v_pool.held := v_pool.held - v_pool.lease_amount[v_place];\n",
    replacement: "",
    tests: [DEAD_TEST],
  },
  {
    name: "keep held of the pool what a dead instance leased for a key",
    why: "Credits that nobody can spend.",
    file: RELEASE,
    search: "    v_pool.held := v_pool.held - x.amount;\n",
    replacement: "",
    tests: [KEYS_TEST],
  },
  {
    name: "keep held of the cap what a dead instance leased for a key",
    why: "A key can never again spend what its owner allowed.",
    file: RELEASE,
    search: "SET held = c.held - x.amount",
    replacement: "SET held = c.held",
    tests: [KEYS_TEST],
  },
  {
    name: "keep what expired while a dead instance leased it",
    why: "Expired credits are sold.",
    file: RELEASE,
    search: "IF v_pool.overdue > 0 THEN",
    replacement: "IF false THEN",
    tests: [
      { file: SWEEP_TEST, title: "the lease of a dead instance that holds an expired grant back goes" },
    ],
  },
  {
    name: "leave a dead instance among those that lease from a pool",
    why: "What it leased goes back once more with the next release, and what others hold is spent.",
    file: RELEASE,
    search:
      "  UPDATE farebox.pools p SET lease_owner = v_pool.lease_owner, lease_amount = v_pool.lease_amount\n",
    replacement: "  UPDATE farebox.pools p SET lease_owner = p.lease_owner\n",
    tests: [
      { file: END_TEST, title: "what is due on its pools happens before its leases go back, as in a batch" },
    ],
  },
  {
    name: "lose sight of what a dead instance charged",
    why: "Usage and reports lack what customers paid.",
    file: RELEASE,
    search: "  PERFORM farebox.keep_in_sight(p_shard, p_account, p_type);\n",
    replacement: "",
    tests: [{ file: END_TEST, title: "what it charged is rolled up" }],
  },
  {
    name: "look at the pools of a dead instance for ever",
    why: "Each sweep does the work of all that ever died.",
    file: RELEASE,
    search: "  DELETE FROM farebox.active_pools a\n",
    replacement: "  PERFORM FROM farebox.active_pools a\n",
    tests: [DEAD_TEST],
  },
  {
    name: "declare an instance dead of which somebody has a lane locked",
    why: "A batch that comes late to that lane is not fenced: it spends what went back to the pool.",
    file: SPARE,
    search: " OR v_silent < v_live",
    replacement: "",
    tests: [{ file: LOCKED_LANE_TEST, title: DEAD_TOGETHER }],
  },
  {
    name: "make a lane for a dead instance",
    why: "It charges on, with leases that others have been given.",
    file: SPARE,
    search: " OR v_dead THEN",
    replacement: " THEN",
    tests: [{ file: LOCKED_LANE_TEST, title: DEAD_TOGETHER }],
  },
  {
    name: "give a dead instance's leases back without a lock of their pool",
    why: "What others granted or charged at that moment is undone.",
    file: RELEASE,
    search: "AND p.shard = p_shard FOR UPDATE;\n  v_now",
    replacement: "AND p.shard = p_shard;\n  v_now",
    tests: [
      {
        file: "src/ledger/instance/end-instance.pg.test.ts",
        title: "what others change of a pool while its leases go back stays changed",
      },
    ],
  },
  {
    name: "leave a pool of which something is leased",
    why: "What is leased goes back, and the instance goes on spending it.",
    file: "migrations/0007_instances.sql",
    search:
      "IF NOT FOUND OR v_pool.lease_amount[array_position(v_pool.lease_owner, p_instance)] > 0 THEN RETURN false; END IF;",
    replacement: "IF NOT FOUND THEN RETURN false; END IF;",
    tests: [
      {
        file: "src/ledger/sweep/sweep.pg.test.ts",
        title:
          "a pool is left by nobody who leases of it, for a key or not, or whose charges are not rolled up",
      },
    ],
  },
  {
    name: "leave a pool of which something is leased for a key",
    why: "What is leased for the key is held for nobody.",
    file: "migrations/0007_instances.sql",
    search: "  IF FOUND THEN RETURN false; END IF;\n  PERFORM FROM farebox.usage_rolled",
    replacement: "  PERFORM FROM farebox.usage_rolled",
    tests: [
      {
        file: "src/ledger/sweep/sweep.pg.test.ts",
        title:
          "a pool is left by nobody who leases of it, for a key or not, or whose charges are not rolled up",
      },
    ],
  },
  {
    name: "leave a pool whose charges are not rolled up",
    why: "Usage and reports lack what customers paid.",
    file: "migrations/0007_instances.sql",
    search: "AND u.shard = p_shard AND u.seq = v_pool.last_seq;",
    replacement: "AND u.shard = p_shard;",
    tests: [
      {
        file: "src/ledger/sweep/sweep.pg.test.ts",
        title:
          "a pool is left by nobody who leases of it, for a key or not, or whose charges are not rolled up",
      },
    ],
  },
];
