import type { Database } from "../database/database.ts";

/**
 * The schema `farebox` as text, read from the catalog: the same on PGlite and Postgres, and stable, so that a diff of
 * migrations/schema.sql shows what a migration did. Month partitions are left out: which exist depends on the date.
 */
export async function renderSchema(database: Database): Promise<string> {
  const tables = await database.query<TableRow>(TABLES);
  const columns = await database.query<ColumnRow>(COLUMNS);
  const constraints = await database.query<PartRow>(CONSTRAINTS);
  const indexes = await database.query<PartRow>(INDEXES);
  const triggers = await database.query<PartRow>(TRIGGERS);
  const types = await database.query<{ text: string }>(TYPES);
  const functions = await database.query<FunctionRow>(FUNCTIONS);
  const of = (rows: readonly PartRow[], table: TableRow) =>
    rows.filter((row) => row.oid === table.oid).map(({ text }) => text);
  const parts = tables.map((table) => {
    const lines = [...of(columns.map(renderColumn), table), ...of(constraints, table)].map(
      (line) => `  ${line}`,
    );
    const body = `CREATE TABLE farebox.${table.name} (\n${lines.join(",\n")}\n)${renderTail(table)};\n`;
    const comment = renderComment(`TABLE farebox.${table.name}`, table.comment);
    const more = [...of(indexes, table), ...of(triggers, table)].map((text) => `${text};\n`);
    return [body, comment, ...more].join("");
  });
  const bodies = functions.map(
    ({ text, name, comment }) => `${text.trimEnd()};\n${renderComment(`FUNCTION farebox.${name}`, comment)}`,
  );
  return `${HEAD}\n${[...parts, ...types.map(({ text }) => `${text};\n`), ...bodies].join("\n")}`;
}

function renderComment(of: string, comment: string | null): string {
  return comment === null ? "" : `COMMENT ON ${of} IS '${comment.replaceAll("'", "''")}';\n`;
}

const HEAD = `-- A fresh install, written by src/ledger/testing/write-schema.ts and compared by a test. Never run, never edited.
`;

interface TableRow {
  readonly oid: number;
  readonly name: string;
  readonly options: readonly string[] | null;
  readonly partitionKey: string | null;
  readonly bound: string | null;
  readonly comment: string | null;
}

interface FunctionRow {
  readonly text: string;
  readonly name: string;
  readonly comment: string | null;
}

interface PartRow {
  readonly oid: number;
  readonly text: string;
}

interface ColumnRow {
  readonly oid: number;
  readonly name: string;
  readonly type: string;
  readonly collation: string | null;
  readonly isRequired: boolean;
  readonly isIdentity: boolean;
  readonly defaultValue: string | null;
}

function renderColumn(column: ColumnRow): PartRow {
  const parts = [
    `${column.name} ${column.type}`,
    column.collation === null ? "" : `COLLATE "${column.collation}"`,
    column.isRequired ? "NOT NULL" : "",
    column.isIdentity ? "GENERATED ALWAYS AS IDENTITY" : "",
    column.defaultValue === null ? "" : `DEFAULT ${column.defaultValue}`,
  ];
  return { oid: column.oid, text: parts.filter((part) => part !== "").join(" ") };
}

function renderTail({ partitionKey, bound, options }: TableRow): string {
  return [
    partitionKey === null ? "" : ` PARTITION BY ${partitionKey}`,
    bound === null ? "" : ` -- partition, ${bound}`,
    options === null ? "" : ` WITH (${options.join(", ")})`,
  ].join("");
}

/** Tables, the default partition among them, without the partitions of months. */
const SHOWN = `c.relnamespace = 'farebox'::regnamespace AND c.relkind IN ('r', 'p')
  AND (NOT c.relispartition OR pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT')`;

const TABLES = `SELECT c.oid, c.relname::text AS name, c.reloptions AS options,
    pg_get_partkeydef(c.oid) AS "partitionKey", pg_get_expr(c.relpartbound, c.oid) AS bound,
    obj_description(c.oid, 'pg_class') AS comment
  FROM pg_class c WHERE ${SHOWN} ORDER BY c.relname`;

const COLUMNS = `SELECT c.oid, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
    CASE WHEN a.attcollation <> t.typcollation THEN l.collname::text END AS collation,
    a.attnotnull AS "isRequired", a.attidentity <> '' AS "isIdentity", pg_get_expr(d.adbin, d.adrelid) AS "defaultValue"
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_collation l ON l.oid = a.attcollation
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE ${SHOWN} ORDER BY c.relname, a.attnum`;

/** Postgres 18 lists NOT NULL among the constraints; the columns tell of it already. */
const CONSTRAINTS = `SELECT c.oid, 'CONSTRAINT ' || n.conname || ' ' || pg_get_constraintdef(n.oid) AS text
  FROM pg_class c JOIN pg_constraint n ON n.conrelid = c.oid AND n.contype <> 'n'
  WHERE ${SHOWN} ORDER BY c.relname, n.contype = 'p' DESC, n.conname`;

const INDEXES = `SELECT c.oid, pg_get_indexdef(i.indexrelid) AS text
  FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid
  WHERE ${SHOWN} AND NOT EXISTS (SELECT FROM pg_constraint n WHERE n.conindid = i.indexrelid)
  ORDER BY c.relname, i.indexrelid::regclass::text`;

/** Without those that a partition has of its parent. */
const TRIGGERS = `SELECT c.oid, pg_get_triggerdef(t.oid) AS text
  FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgparentid = 0
  WHERE ${SHOWN} ORDER BY c.relname, t.tgname`;

/** Composite types and enumerations that are nobody's row. */
const TYPES = `SELECT CASE t.typtype WHEN 'e' THEN (
      SELECT format('CREATE TYPE farebox.%s AS ENUM (%s)', t.typname,
        string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder))
      FROM pg_enum e WHERE e.enumtypid = t.oid
    ) ELSE (
      SELECT format(E'CREATE TYPE farebox.%s AS (\\n  %s\\n)', t.typname,
        string_agg(format('%s %s', a.attname, format_type(a.atttypid, a.atttypmod)), E',\\n  ' ORDER BY a.attnum))
      FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) END AS text
  FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.typnamespace = 'farebox'::regnamespace AND (t.typtype = 'e' OR c.relkind = 'c') ORDER BY t.typname`;

const FUNCTIONS = `SELECT pg_get_functiondef(p.oid) AS text, p.proname::text AS name,
    obj_description(p.oid, 'pg_proc') AS comment
  FROM pg_proc p
  WHERE p.pronamespace = 'farebox'::regnamespace ORDER BY p.proname, pg_get_function_identity_arguments(p.oid)`;
