import type { Mutation } from "../mutation.ts";

const LONG = "src/ledger/long-holds/long-holds.pg.test.ts";
const LONG_CHARGES = "src/ledger/long-holds/long-hold-charges.pg.test.ts";
const CHANGED = "src/ledger/long-holds/change-long-hold.pg.test.ts";

export const HOLDS: readonly Mutation[] = [
  {
    name: "charge a long hold after its end",
    why: "A job that was released or settled to its end costs more all the same.",
    file: "migrations/0041_long_holds_ended.sql",
    search:
      "  IF v.state IN ('settled', 'released') THEN RETURN jsonb_build_object('outcome', v.state); END IF;\n",
    replacement: "",
    tests: [
      { file: CHANGED, title: "frees the rest once, keeps its parts, and is not settled any more" },
      { file: LONG, title: "nothing is charged after the end" },
    ],
  },
  {
    name: "charge a part under another content",
    why: "A caller's fault in its names is taken for a repetition, and what it meant is never charged.",
    file: "migrations/0041_long_holds_ended.sql",
    search: "CASE WHEN v_part.content = p_content THEN",
    replacement: "CASE WHEN true THEN",
    tests: [{ file: LONG, title: "another content under a part's name is a conflict" }],
  },
  {
    name: "give the credits of a part back to nobody",
    why: "What a part used of its hold stays held, and the customer cannot spend it.",
    file: "migrations/0040_long_holds.sql",
    search: "  IF v_is_last THEN v_use := v_held.amount; END IF;\n",
    replacement: "",
    tests: [{ file: LONG, title: "a job is held, charged in parts and ended: the rest is free" }],
  },
  {
    name: "release a long hold and leave its key's cap as it was",
    why: "A key that holds nothing any more is refused under its cap.",
    file: "migrations/0041_long_holds_ended.sql",
    search: "  PERFORM farebox.hold_under_cap(v_pool, v.key_no, -x.o_released);\n",
    replacement: "",
    tests: [{ file: LONG_CHARGES, title: "and what ends is free under it" }],
  },
  {
    name: "let parts take more than the caller allows",
    why: "A job costs more than the most that was agreed.",
    file: "migrations/0040_long_holds.sql",
    search: "p_hold.most - p_hold.charged",
    replacement: "p_hold.most",
    tests: [{ file: LONG_CHARGES, title: "all parts together take no more than the caller allows" }],
  },
  {
    name: "add the refusals of a lost answer again",
    why: "The operator's report counts what never was.",
    file: "migrations/0050_spare_lanes.sql",
    search: "IF v_last IS NULL OR v_last >= p_number THEN",
    replacement: "IF v_last IS NULL THEN",
    tests: [
      {
        file: "src/ledger/reports/refusal-report.pg.test.ts",
        title: "the same counts twice at once are added once",
      },
    ],
  },
  {
    name: "take all large bodies that are told for one",
    why: "Another request under the same id is answered as the first, and is never charged.",
    file: "src/sidecar/told-json.ts",
    search: "    for await (const piece of inPieces(this.#chunks)) hash.update(piece);\n",
    replacement: "",
    tests: [
      {
        file: "src/sidecar/large-messages.pg.test.ts",
        title: "a body of megabytes is read by its fields, and two of them by all that they have",
      },
    ],
  },
  {
    name: "look at a shortened hold no sooner",
    why: "Credits stay held past the end that was agreed, and requests are refused.",
    file: "migrations/0040_long_holds.sql",
    search:
      "  v_pool.next_event_at := least(v_pool.next_event_at, v_until);\n  PERFORM farebox.write_pool(v_pool);\n  RETURN 'extended';",
    replacement: "  PERFORM farebox.write_pool(v_pool);\n  RETURN 'extended';",
    tests: [
      {
        file: "src/ledger/long-holds/change-long-hold.pg.test.ts",
        title: "given less time than it had, it ends as much earlier, when a request looks",
      },
    ],
  },
];
