import type { Mutation } from "../mutation.ts";

const PLAIN = "src/ledger/batch/plain-batch.ts";
const PLAIN_TEST = "src/ledger/batch/plain-batch.pg.test.ts";
const CHARGE_TEST = "src/ledger/batch/charge.pg.test.ts";

/** Which charges may be in which batch, and what the general one decides. */
export const BATCH: readonly Mutation[] = [
  {
    name: "open no window for a charge of an entered pool",
    why: "A customer pays again for what was to be paid once.",
    file: PLAIN,
    search: "    item.once === undefined &&\n",
    replacement: "",
    tests: [{ file: PLAIN_TEST, title: "has no charge in it that more than the lease decides about" }],
  },
  {
    name: "keep no response for a charge of an entered pool",
    why: "A repeated request is run, and charged, once more.",
    file: PLAIN,
    search: "    item.idempotency === undefined &&\n",
    replacement: "",
    tests: [{ file: PLAIN_TEST, title: "has no charge in it that more than the lease decides about" }],
  },
  {
    name: "charge more of an entered pool than its caller allows",
    why: "A call costs more than Credits-Max.",
    file: PLAIN,
    search: "    item.most === undefined &&\n",
    replacement: "",
    tests: [{ file: PLAIN_TEST, title: "has no charge in it that more than the lease decides about" }],
  },
  {
    name: "charge the pool's lease for what is leased for a key",
    why: "Others' requests are refused, and the key's lease is held for nobody.",
    file: PLAIN,
    search: "    item.capKey === undefined &&\n    item.most",
    replacement: "    item.most",
    tests: [
      { file: PLAIN_TEST, title: "has nothing of a key's own lease in it, which outlives the key's cap" },
    ],
  },
  {
    name: "lease for the pool what is asked for a key",
    why: "The key's lease never grows, and the pool's is given back twice.",
    file: PLAIN,
    search: "return isLease && work.item.capKey === undefined;",
    replacement: "return isLease;",
    tests: [
      { file: PLAIN_TEST, title: "has nothing of a key's own lease in it, which outlives the key's cap" },
    ],
  },
  {
    name: "take more back than was leased",
    why: "What others hold is sold to somebody else.",
    file: "migrations/0014_batch.sql",
    search:
      "      -least((v_backs #>> ARRAY[i::text, '1'])::bigint, farebox.lease_of(io_pool, p_instance, v_key)));",
    replacement: "      -(v_backs #>> ARRAY[i::text, '1'])::bigint);",
    tests: [
      {
        file: "src/ledger/batch/lease.pg.test.ts",
        title: "no more goes back than was leased, whatever an instance believes",
      },
    ],
  },
  {
    name: "keep held what a repeat held",
    why: "Credits that nobody can spend, for each repeat.",
    file: "migrations/0043_who_charged_a_hold.sql",
    search: "    IF p_special ? 'hold' THEN io_pool.held := io_pool.held - v_set_aside; END IF;\n",
    replacement: "",
    tests: [{ file: CHARGE_TEST, title: "what a repeat held is free, and its hold resolved" }],
  },
  {
    name: "judge a `once` window without its lock",
    why: "One call costs twice, in two credit types.",
    file: "migrations/0013_charges.sql",
    search: "AND w.value = x.value AND w.shard = p_shard FOR UPDATE;",
    replacement: "AND w.value = x.value AND w.shard = p_shard;",
    tests: [
      {
        file: CHARGE_TEST,
        title: "a value is charged once although several instances charge it through several pools at once",
      },
    ],
  },
  {
    name: "make a charge whole of what a key's leases hold",
    why: "A key spends more than its cap.",
    file: "migrations/0014_batch.sql",
    search: "v_left CONSTANT bigint := farebox.cap_left(v_cap) - v_cap.held;",
    replacement: "v_left CONSTANT bigint := farebox.cap_left(v_cap);",
    tests: [
      {
        file: "src/ledger/batch/whole-charge.pg.test.ts",
        title: "is not made of what the key's leases hold under its cap",
      },
    ],
  },
  {
    name: "remember a number that grows past its time",
    why: "What was agreed to cost anew is free until the sweep comes by.",
    file: "migrations/0038_charges_tell_their_tiers.sql",
    search: "AND t.shard = p_pool.shard AND t.until > p_now;",
    replacement: "AND t.shard = p_pool.shard;",
    tests: [
      {
        file: "src/ledger/batch/measured-charge.pg.test.ts",
        title: "the number is known for its time after the last charge, and then forgotten",
      },
    ],
  },
  {
    name: "count what a plain batch charges as free for a lease",
    why: "The end of a pool is stranded in the lease of one instance.",
    file: "migrations/0049_plain_batch_parameters.sql",
    search: "- (p_drawn[u.i] - u.total)\n",
    replacement: "- p_drawn[u.i]\n",
    tests: [
      {
        file: PLAIN_TEST,
        title:
          "leases no more than an eighth beyond the need, and counts what it charges for nothing that is free",
      },
    ],
  },
  {
    name: "take a window that is over for one that is open",
    why: "Nothing is set aside for a call that costs.",
    file: "src/ledger/batch/repeat.ts",
    search: " AND w.until > clock_timestamp()",
    replacement: "",
    tests: [
      { file: CHARGE_TEST, title: "a value is charged once within its window, per account and endpoint" },
    ],
  },
  {
    name: "tell what became of a batch while it is being run",
    why: "It is taken for one that never was, and made once more: everything in it is charged twice.",
    file: "migrations/0050_spare_lanes.sql",
    search:
      "AND l.nth = (p_number >> 40)::smallint FOR UPDATE;\n  IF v_lane.last_batch = p_number THEN RETURN v_lane.reply; END IF;\n",
    replacement:
      "AND l.nth = (p_number >> 40)::smallint;\n  IF v_lane.last_batch = p_number THEN RETURN v_lane.reply; END IF;\n",
    tests: [
      {
        file: "src/ledger/batch/lane.pg.test.ts",
        title: "what became of a batch that is being run is known when it has been, and not before",
      },
    ],
  },
  {
    name: "run a general batch of a fenced instance",
    why: "It leases what is given back while it spends it.",
    file: "migrations/0050_spare_lanes.sql",
    search:
      "  IF v_lane.state IS DISTINCT FROM 'live' THEN RETURN '{\"s\":\"fenced\"}'; END IF;\n  IF p_number <> v_lane.last_batch + 1",
    replacement: "  IF p_number <> v_lane.last_batch + 1",
    tests: [
      {
        file: "src/ledger/sweep/sweep.pg.test.ts",
        title: "a dead instance leases and charges nothing under its old id",
      },
    ],
  },
];
