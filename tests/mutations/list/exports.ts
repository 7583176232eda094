import type { Mutation } from "../mutation.ts";

const ASK = "migrations/0018_exports.sql";
const WORK = "migrations/0019_export_work.sql";
const CHARGE_TEST = "src/ledger/exports/charge-export.pg.test.ts";
const ASK_TEST = "src/ledger/exports/ask-for-export.pg.test.ts";
const KEYS_TEST = "src/ledger/exports/export-keys.pg.test.ts";
const AUDIT_TEST = "src/ledger/audit/audit-exports.pg.test.ts";

/** Bulk exports: their money, their claims, their records and their links. */
export const EXPORTS: readonly Mutation[] = [
  {
    name: "charge an export at each listing",
    why: "A customer pays again for files that are theirs.",
    file: "migrations/0021_pay_export.sql",
    search: "SET state = 'charged', charged = v_amount",
    replacement: "SET state = 'ready', charged = v_amount",
    tests: [{ file: CHARGE_TEST, title: "charged at the first listing, once however many ask at once" }],
  },
  {
    name: "keep what is set aside for a failed export",
    why: "Credits stay locked up for an export that will never be charged.",
    file: WORK,
    search:
      "  PERFORM farebox.release_export(v, v_opened.o_pool, v_now);\n  UPDATE farebox.exports x SET state = 'failed'",
    replacement: "  UPDATE farebox.exports x SET state = 'failed'",
    tests: [{ file: CHARGE_TEST, title: "failed: free, and begun again from its start" }],
  },
  {
    name: "let two identical exports run",
    why: "A customer who sends a request twice pays for it twice.",
    file: ASK,
    search: "WHERE x.account_no = p_account AND x.request_hash = p_hash AND x.shard = p_shard",
    replacement: "WHERE false AND x.request_hash = p_hash AND x.shard = p_shard",
    tests: [{ file: ASK_TEST, title: "an identical request is refused while one is open" }],
  },
  {
    name: "forget the Idempotency-Key of an export",
    why: "A client that repeats a request whose answer got lost has two exports, and pays for both.",
    file: "migrations/0034_export_keys.sql",
    search: "  IF v_key IS NOT NULL THEN\n    PERFORM farebox.keep_export_key(",
    replacement: "  IF false THEN\n    PERFORM farebox.keep_export_key(",
    tests: [{ file: KEYS_TEST, title: "under one key there is one export" }],
  },
  {
    name: "overlook an export that was charged twice",
    why: "The audit calls books sound in which a customer has paid twice.",
    file: "src/ledger/audit/audit-exports.ts",
    search: "const expected = chargedSeq === null ? 0n : 1n;",
    replacement: "const expected = charges;",
    tests: [{ file: AUDIT_TEST, title: "an export that is charged and does not say so" }],
  },
  {
    name: "overlook what is held for a failed export",
    why: "The audit calls books sound in which credits are locked up for nobody.",
    file: "src/ledger/audit/audit-exports.ts",
    search: "x.state IN ('queued', 'running')) IS NOT TRUE",
    replacement: "true) IS NOT TRUE",
    tests: [{ file: AUDIT_TEST, title: "what is set aside for a failed export" }],
  },
  {
    name: "take every id for a new one",
    why: "A source that repeats a record sells it twice.",
    file: "src/exports/parts/id-set.ts",
    search: "if (!this.#add(low, high)) return false;",
    replacement: "this.#add(low, high);",
    tests: [{ file: "src/exports/parts/id-set.test.ts", title: "each id is new once" }],
  },
  {
    name: "let a link live for ever",
    why: "Whoever finds an old link has the customer's records.",
    file: "src/exports/export-links.ts",
    search: `Number(seconds) * 1000 <= nowMs() ? "expired"`,
    replacement: `Number(seconds) * 1000 < 0 ? "expired"`,
    tests: [
      { file: "src/exports/export-links.test.ts", title: "a link tells whose file it is until it expires" },
    ],
  },
  {
    name: "leave a formula in a CSV cell",
    why: "A record that somebody wrote runs in the customer's spreadsheet.",
    file: "src/domain/csv-text.ts",
    search: "/^[=+\\-@\\t\\r\\n＝＋－＠]/",
    replacement: "/^[=+\\-\\t\\r\\n＝＋－＠]/",
    tests: [
      { file: "src/domain/csv-text.test.ts", title: "what a spreadsheet would compute has an apostrophe" },
    ],
  },
];
