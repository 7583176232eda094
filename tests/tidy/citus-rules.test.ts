import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { guardMoves } from "../../src/ledger/database/cluster/guard-moves.ts";
import { LOCAL_TABLES, REFERENCE_TABLES } from "../../src/ledger/database/distribute.ts";
import {
  countFunctions,
  readFunctions,
  readScripts,
  readStatements,
  readTables,
  type SqlFunction,
  splitStatements,
} from "./read-sql.ts";
import { readTracked, trackedFiles } from "./tracked-files.ts";

/**
 * What keeps Citus open as a way to grow (design: the ledger, "Shards and scale-out"), checked without Citus: on a cluster each
 * server has some shards, and a call of a function of one shard runs where that shard is.
 */

const tables = readTables();
const made = readFunctions();
/** In force: a later migration replaces a function whole, or drops it. */
const standing = new Set(
  [...readTracked("migrations/schema.sql").matchAll(/^CREATE OR REPLACE FUNCTION farebox\.(\w+)/gm)].map(
    ([, name]) => name,
  ),
);
const functions = [...new Map(made.map((one) => [one.name, one])).values()].filter(({ name }) =>
  standing.has(name),
);
const sent = readStatements(/^src\/.*\.ts$/);
/** With what stands in constants: conditions, and columns that are returned. */
const sentWhole = readStatements(/^src\/.*\.ts$/, { whole: true });

/** Spread over the servers by shard. */
const spread = tables.filter(({ name }) => ![...REFERENCE_TABLES, ...LOCAL_TABLES].includes(name));
const spreadNames = spread.map(({ name }) => name);

const isOfShard = ({ parameters }: SqlFunction): boolean => parameters[0] === "p_shard smallint";

/** Tables that a statement reads or writes, each time it names one. */
function tablesOf(statement: string): string[] {
  const named = statement.matchAll(
    /(?:\b(?:FROM|JOIN|INTO|UPDATE|USING|ONLY)\s+|,\s*)farebox\.(\w+)\b(?!\s*\()/g,
  );
  return [...named].map(([, name = ""]) => name).filter((name) => spreadNames.includes(name));
}

const WRITES = /\b(INSERT INTO|UPDATE farebox\.|DELETE FROM)/;

/** What an insert makes of rows that are new is computed before any server sees it. */
const CHANGES = /\b(UPDATE farebox\.|DELETE FROM farebox\.|DO UPDATE SET).*/;

const TIME_IN_CHOICE =
  /\b(coalesce\([^()]*|CASE\b(?:(?!\bEND\b).)*)\b(statement_timestamp|transaction_timestamp|now)\(/;

const inFunctions = functions.flatMap(({ file, body }) =>
  splitStatements(body).map((text) => ({ file, text })),
);

describe("tables", () => {
  test("each has a shard in its rows, or a copy on every server", () => {
    const without = spread.filter(
      ({ lines }) => !lines.some((line) => /^\s+shard smallint NOT NULL/.test(line)),
    );
    assert.deepEqual(without, []);
    const unknown = [...REFERENCE_TABLES].filter((name) => !tables.some((table) => table.name === name));
    assert.deepEqual(unknown, []);
  });

  test("each has a comment that says what it is for", () => {
    const without = tables.filter(({ comment }) => comment === undefined);
    assert.deepEqual(
      without.map(({ name }) => name),
      [],
    );
  });

  test("each is in the list of docs/internals/ledger.md, which has no other", () => {
    const page = readTracked("docs/internals/ledger.md");
    const list = page.slice(page.indexOf("| table | what it is for |"), page.indexOf("## Death"));
    const listed = [...list.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(
      ([, names = ""]) => names.match(/\w+/g) ?? [],
    );
    const existing = [...tables.map(({ name }) => name), "migrations"];
    assert.deepEqual(listed.toSorted(), existing.toSorted());
  });

  test("what is unique is unique in its shard", () => {
    const keys = spread.flatMap(({ name, lines }) =>
      lines.filter((line) => /PRIMARY KEY|UNIQUE/.test(line)).map((line) => `${name}: ${line.trim()}`),
    );
    assert.ok(keys.length > 10);
    assert.deepEqual(
      keys.filter((key) => !/\(.*\bshard\b.*\)/.test(key)),
      [],
    );
  });

  test("none that is spread refers to another by a foreign key", () => {
    const references = spread.flatMap(({ name, lines }) =>
      lines.filter((line) => line.includes("REFERENCES")).map((line) => `${name}: ${line.trim()}`),
    );
    assert.deepEqual(references, []);
  });
});

describe("migrations", () => {
  // On a cluster the tables are spread when the next migration comes.
  test("each constraint comes with a name in an ALTER TABLE of its own", () => {
    const wrong = readScripts()
      .filter(({ file }) => !BEFORE_CLUSTERS.has(file))
      .flatMap(({ file, text }) => splitStatements(text).map((statement) => ({ file, text: statement })))
      .filter(({ text }) => {
        if (!text.startsWith("ALTER TABLE")) return false;
        const parts = withoutParentheses(text).split(",");
        return (
          /\bADD COLUMN\b[^,]*\b(CHECK|UNIQUE|REFERENCES|PRIMARY KEY|CONSTRAINT)\b/.test(parts.join()) ||
          parts.some((part) => /\bADD (CHECK|UNIQUE|PRIMARY|FOREIGN)\b/.test(part)) ||
          (parts.length > 1 && parts.some((part) => part.includes("ADD CONSTRAINT")))
        );
      });
    assert.deepEqual(wrong.map(render), []);
  });
});

/** Before it some functions had nothing above them, and some comments said nothing. */
const DOCUMENTED_SINCE = "migrations/0047";

describe("functions", () => {
  test("each that locks is of one shard, and has a place for the lock that keeps the shard where it is", () => {
    const schema = readTracked("migrations/schema.sql");
    const whole = schema.split(/^(?=CREATE (?!OR REPLACE FUNCTION)|CREATE OR REPLACE FUNCTION)/m);
    const locking = whole.filter(
      (text) =>
        text.startsWith("CREATE OR REPLACE FUNCTION") &&
        LOCKS.test(text) &&
        !text.includes("ensure_partitions"),
    );
    assert.ok(locking.length > 40, `${locking.length}`);
    for (const text of locking) {
      assert.match(text, /^CREATE OR REPLACE FUNCTION farebox\.\w+\(p_shard smallint/);
      const guarded = guardMoves(text);
      assert.ok(guarded.indexOf("lock_shard_metadata") < guarded.search(LOCKS), text.slice(0, 80));
    }
  });

  test("each says what it does, in its comment and, since that is asked for, above it", () => {
    const silent = functions.filter(({ comment = "" }) => comment.replace(/^Internal\./, "").trim() === "");
    assert.deepEqual(
      silent.map(({ name }) => name),
      [],
    );
    const bare = made.filter(({ file, isDocumented }) => file > DOCUMENTED_SINCE && !isDocumented);
    assert.deepEqual(
      bare.map(({ file, name }) => `${file}: ${name}`),
      [],
    );
  });

  test("nearly all are read without turning a page: one in twenty may have more than 60 lines", () => {
    const long = functions
      .filter(({ length }) => length > 60)
      .map(({ name, length }) => `${name}: ${length}`);
    assert.ok(long.length * 20 <= functions.length, long.join());
  });

  test("each stands once in its migration, with a comment, in at most 120 lines", () => {
    const names = made.map(({ file, name }) => `${file}: ${name}`);
    assert.equal(names.length, countFunctions(), "all are found");
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    );
    assert.deepEqual(
      functions.filter(({ comment }) => comment === undefined).map(({ name }) => name),
      [],
    );
    assert.deepEqual(
      functions.filter(({ length }) => length > 120).map(({ name, length }) => `${name}: ${length}`),
      [],
    );
  });

  test("one that uses spread tables is of one shard: by p_shard, or by a row that has it", () => {
    const others = functions.filter(
      ({ name, body, parameters }) =>
        tablesOf(body).length > 0 &&
        !ALL_SHARDS.has(name) &&
        parameters[0] !== "p_shard smallint" &&
        !parameters.some((parameter) => /\bfarebox\.(\w+)$/.test(parameter)),
    );
    assert.deepEqual(
      others.map(({ name }) => name),
      [],
    );
  });

  test("each use of a spread table names its shard", () => {
    const without = functions.flatMap(({ name, body }) =>
      ALL_SHARDS.has(name)
        ? []
        : splitStatements(body)
            .filter((statement) => tablesOf(statement).length > shardsIn(statement))
            .map((statement) => `${name}: ${statement}`),
    );
    assert.deepEqual(without, []);
  });

  test("one that uses spread tables is written in plpgsql", () => {
    const others = functions.filter(
      ({ body, language }) => language !== "plpgsql" && tablesOf(body).length > 0,
    );
    assert.deepEqual(
      others.map(({ name }) => name),
      [],
    );
  });

  // Citus writes this form wrongly for the server of the shard. A function in SQL is put into the statement that calls it.
  test("none says CASE x WHEN y to a spread table, but CASE WHEN x = y; none in SQL at all", () => {
    const wrong = functions.flatMap(({ name, body, language }) =>
      splitStatements(body)
        .filter(
          (statement) =>
            SIMPLE_CASE.test(statement) && (language === "sql" || tablesOf(statement).length > 0),
        )
        .map((statement) => `${name}: ${statement}`),
    );
    assert.deepEqual(wrong, []);
  });

  test("none writes in a common table expression, nor with a time that is read in the statement", () => {
    const wrong = functions.flatMap(({ name, body }) =>
      splitStatements(body)
        .filter(
          (statement) => writesInWith(statement) || (WRITES.test(statement) && VOLATILE.test(statement)),
        )
        .map((statement) => `${name}: ${statement}`),
    );
    assert.deepEqual(wrong, []);
  });

  // A time plus an interval depends on the session's time zone, for all that Postgres knows.
  test("none adds an interval in a statement that changes a spread table", () => {
    const wrong = functions.flatMap(({ name, body }) =>
      splitStatements(body)
        .filter(
          (statement) =>
            /\bUPDATE farebox\./.test(statement) &&
            tablesOf(statement).length > 0 &&
            /\binterval '/.test(statement),
        )
        .map((statement) => `${name}: ${statement}`),
    );
    assert.deepEqual(wrong, []);
  });

  // The same, if the interval is made of the row's own column; one of variables is a value before the servers see it.
  test("none makes an interval of a column in a statement that changes a spread table", () => {
    const wrong = functions.flatMap(({ name, body }) =>
      splitStatements(body)
        .filter((statement) => {
          const alias = /\bUPDATE farebox\.\w+ (\w+) SET\b/.exec(statement)?.[1];
          if (alias === undefined || tablesOf(statement).length === 0) return false;
          return new RegExp(`make_interval\\([^)]*\\b${alias}\\.`).test(statement);
        })
        .map((statement) => `${name}: ${statement}`),
    );
    assert.deepEqual(wrong, []);
  });

  test("those that say Internal are those that only others of them call", () => {
    const called = new Set(
      sent.flatMap(({ text }) => [...text.matchAll(/farebox\.(\w+)\s*\(/g)].map(([, name]) => name)),
    );
    const wrong = functions.flatMap(({ name, comment = "" }) => {
      if (name === "refuse_change") return [];
      const isInternal = comment.startsWith("Internal.");
      if (called.has(name) && isInternal) return [`${name} is called from TypeScript`];
      if (!called.has(name) && !isInternal) return [`${name} is not called from TypeScript`];
      return [];
    });
    assert.deepEqual(wrong, []);
  });
});

describe("statements in TypeScript", () => {
  test("there are some", () => assert.ok(sent.length > 100));

  test("none writes to a spread table: that is done by functions", () => {
    const writing = sent.filter(({ text }) =>
      spreadNames.some((name) =>
        new RegExp(`(INSERT INTO|UPDATE|DELETE FROM) farebox\\.${name}\\b`).test(text),
      ),
    );
    assert.deepEqual(writing.map(render), []);
  });

  // A shard moves away under a lock of rows alone: functions hold it. Small tables do not move.
  test("none locks rows of a spread table: that is done by functions, which hold the shard", () => {
    const wrong = sentWhole.filter(
      ({ text }) => (LOCKS_ROWS.test(text) || /\bLOCK TABLE\b/.test(text)) && tablesOf(text).length > 0,
    );
    assert.deepEqual(wrong.map(render), []);
    const locked = sentWhole.flatMap(({ text }) => [
      ...text.matchAll(/\bLOCK TABLE (?:ONLY )?farebox\.(\w+)/g),
    ]);
    assert.deepEqual(
      locked.map(([, name = ""]) => name).filter((name) => spreadNames.includes(name)),
      [],
    );
  });

  test("each use of a spread table names its shard, but in reports over all accounts", () => {
    const without = sent.filter(
      ({ file, text }) => !OVER_ALL.has(file) && tablesOf(text).length > shardsIn(text),
    );
    assert.deepEqual(without.map(render), []);
  });

  // Where a shard is a value, Citus sends the statement as it is to the server that has it; else it tries to split the statement.
  test("none with a lateral subquery takes a shard from another table: it is a value in each condition", () => {
    const wrong = sent.filter(({ text }) => /\bLATERAL\b/.test(text) && /\.shard = \w+\.shard\b/.test(text));
    assert.deepEqual(wrong.map(render), []);
  });

  test("none that writes calls a volatile function, or writes in a common table expression", () => {
    const wrong = sent.filter(({ text }) => writesInWith(text) || (WRITES.test(text) && VOLATILE.test(text)));
    assert.deepEqual(wrong.map(render), []);
  });

  test("none says CASE x WHEN y to a spread table, but CASE WHEN x = y", () => {
    const wrong = sent.filter(({ text }) => SIMPLE_CASE.test(text) && tablesOf(text).length > 0);
    assert.deepEqual(wrong.map(render), []);
  });

  test("what a writing statement returns are columns: a function, also one that is stable, is refused", () => {
    const wrong = sentWhole.filter(
      ({ text }) => WRITES.test(text) && /\bRETURNING\b/.test(text) && !/\bRETURNING [\w., "]+$/.test(text),
    );
    assert.deepEqual(wrong.map(render), []);
  });

  // Also of tables of which every server has a copy. A difference of two times does not depend on the session's time zone.
  test("none that changes rows adds to a column of time, or takes from it", () => {
    const wrong = sentWhole.filter(({ text }) => CHANGES.test(text) && /\b\w+_at [-+] /.test(text));
    assert.deepEqual(wrong.map(render), []);
    const lessAColumn = sentWhole.filter(
      ({ text }) => CHANGES.test(text) && /[-+] make_interval\([^)]*\b[a-z]\w*\.\w+/.test(text),
    );
    assert.deepEqual(lessAColumn.map(render), []);
  });

  test("none that changes rows reads the time in CASE or coalesce: also a stable function is refused there", () => {
    const wrong = [...sentWhole, ...inFunctions].filter(({ text }) =>
      TIME_IN_CHOICE.test(CHANGES.exec(text)?.[0] ?? ""),
    );
    assert.deepEqual(wrong.map(render), []);
  });

  // FOR SHARE takes one lock of the table's copy and then a stronger one: two that have the first wait for each other.
  test("no lock that others may share is taken of a row in a table of which every server has a copy", () => {
    const wrong = [...sentWhole, ...inFunctions].filter(({ text }) => /\bFOR (KEY )?SHARE\b/.test(text));
    assert.deepEqual(wrong.map(render), []);
  });

  // Adding a row shares the table's copies, changing one needs them alone: two that do both would wait for each other.
  test("who adds an account and gives it a plan in one transaction takes the stronger lock first", () => {
    const both = trackedFiles(/^src\/.*(?<!\.test)\.ts$/)
      .map((file) => ({ file, text: readTracked(file) }))
      .filter(({ text }) => /\bcreateAccount\(tx\b/.test(text) && /\bassignPlan\(tx\b/.test(text));
    assert.ok(both.length > 0);
    const wrong = both.filter(
      ({ text }) => !/\block(New)?Account\(tx\b[\s\S]*\bcreateAccount\(tx\b/.test(text),
    );
    assert.deepEqual(wrong.map(render), []);
  });

  test("functions of a shard are called plainly, one in a statement, and not from FROM", () => {
    const ofShard = functions.filter(isOfShard).map(({ name }) => name);
    const calls = new RegExp(`farebox\\.(${ofShard.join("|")})\\s*\\(`, "g");
    const wrong = sent.filter(({ text }) => {
      const found = [...text.matchAll(calls)];
      if (found.length === 0) return false;
      return (
        found.length > 1 || !/^(SELECT )?farebox\.\w+\(|^SELECT farebox/.test(text) || /\bFROM\b/.test(text)
      );
    });
    assert.deepEqual(wrong.map(render), []);
  });
});

const LOCKS_ROWS = /\bFOR (NO KEY )?UPDATE\b/;
/** Rows, or, by an advisory lock, the server on which it runs: others then run on another one. */
const LOCKS = /\bFOR (NO KEY )?UPDATE\b|\bpg_(try_)?advisory_(xact_)?lock\b/;

/** Landed before any cluster was brought from one version to the next: only a new one has them. */
const BEFORE_CLUSTERS = new Set(["migrations/0023_key_addresses.sql", "migrations/0036_meter_tokens.sql"]);

const SIMPLE_CASE = /\bCASE\s+(?!WHEN\b)/;

const VOLATILE = /\b(clock_timestamp|timeofday|random|gen_random_uuid|nextval)\s*\(/;

/**
 * How often a shard is compared, or is among the columns of an insert. A condition that is put into a template counts: those are of
 * a pool or of a shard.
 */
function shardsIn(statement: string): number {
  const compared = statement.match(/\bshard\s*(=|<>)|\b(WHERE|ON|AND) \$(?!\d)/g)?.length ?? 0;
  const inserted = statement.match(/INSERT INTO farebox\.\w+(?: AS \w+)? \([^)]*\bshard\b/g)?.length ?? 0;
  return compared + inserted;
}

function withoutParentheses(text: string): string {
  const rest = text.replaceAll(/\([^()]*\)/g, "");
  return rest === text ? text : withoutParentheses(rest);
}

function writesInWith(statement: string): boolean {
  return (
    /\bWITH\b/.test(statement) &&
    /\bAS\s*(?:NOT MATERIALIZED|MATERIALIZED)?\s*\(\s*(INSERT|UPDATE|DELETE)\b/.test(statement)
  );
}

/** Functions that concern all shards: they run on the coordinator. */
const ALL_SHARDS = new Set(["ensure_partitions"]);

/** Files whose statements read all shards on purpose, in a way that a cluster can split. */
const OVER_ALL = new Set(["src/ledger/sweep/row-steps.ts", "src/ledger/sweep/sweep.ts"]);

function render({ file, text }: { readonly file: string; readonly text: string }): string {
  return `${file}: ${text.slice(0, 200)}`;
}
