import { microsOf, refuseCursor, timeOfMicros } from "../database/cursor.ts";
import type { Parameter, Queryable } from "../database/database.ts";
import { type Page, type PageRequest, readLimit, readPosition, renderPage } from "../database/page.ts";
import { ACCOUNT_COLUMNS, type Account, type AccountState } from "./accounts.ts";

/** Which accounts, and in which order. All filters apply together. */
export interface AccountFilter {
  /** Part of the name or the id, in any case. */
  readonly q?: string | undefined;
  /** These accounts; those that are unknown are left out. */
  readonly ids?: readonly string[] | undefined;
  readonly state?: AccountState | undefined;
  readonly plan?: string | undefined;
  /** Members that the metadata must have, with these values. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** By age, or by name in any case; the newest first when absent. */
  readonly sort?: "newest" | "oldest" | "name" | undefined;
}

/**
 * By age or name, and pages stay right while accounts come: a page goes on from the last one's time or name, and id.
 * Throws FareboxError `cursor_invalid`.
 */
export async function listAccounts(db: Queryable, page: PageRequest & AccountFilter): Promise<Page<Account>> {
  const { sort = "newest" } = page;
  if (sort === "name") return await listAccountsByName(db, page);
  const [after, direction] = sort === "newest" ? ["<", "DESC"] : [">", "ASC"];
  const rows = await readRows<Account & { micros: bigint }>(db, page, {
    place: microsOf("created_at"),
    name: "micros",
    position: readPosition(page),
    isAfter: `($1::bigint IS NULL OR (created_at, account_id) ${after} (${timeOfMicros("$1")}, $2))`,
    order: `created_at ${direction}, account_id ${direction}`,
  });
  return renderPage(rows, page, (account) => account.accountId);
}

/** As {@link listAccounts}; a name's place is told by its first sixty characters. */
async function listAccountsByName(db: Queryable, page: PageRequest & AccountFilter): Promise<Page<Account>> {
  const rows = await readRows<Account & { place: string }>(db, page, {
    place: NAME_PLACE,
    name: "place",
    position: page.cursor === undefined ? [null, null] : readNamePosition(page.cursor),
    isAfter: `($1::text IS NULL OR (${NAME_PLACE}, account_id) > ($1 COLLATE "C", $2))`,
    order: `${NAME_PLACE}, account_id`,
  });
  const shown = rows.slice(0, readLimit(page) - 1);
  const last = shown.at(-1);
  const isEnd = last === undefined || rows.length <= shown.length;
  return {
    items: shown.map(({ place: _place, ...account }) => account),
    next: isEnd ? null : Buffer.from(`${last.accountId}\n${last.place}`).toString("base64url"),
  };
}

/** As the index `accounts_by_name` has it. */
const NAME_PLACE = `"left"(lower(name), 60) COLLATE "C"`;

function readNamePosition(cursor: string): [place: string, accountId: string] {
  const match = /^([\w-]{1,64})\n([^\n]{0,120})$/u.exec(Buffer.from(cursor, "base64url").toString());
  return match === null ? refuseCursor() : [match[2] ?? "", match[1] ?? ""];
}

interface Order {
  /** SQL: where an account stands in the list, and what the answer calls that. */
  readonly place: string;
  readonly name: string;
  readonly position: readonly Parameter[];
  /** SQL: whether an account comes after the position, which is `$1` and `$2`. */
  readonly isAfter: string;
  readonly order: string;
}

/** So many accounts are looked at in the list's order, and 20 more for each that is wanted: some milliseconds. */
const LOOKED_AT = 2_000;

/**
 * What many accounts have is found soon by going through the list, what few have by the indexes: all that they find is read and sorted. No
 * statistics tell which it is, so the list is begun, and left when it did not fill the page.
 */
async function readRows<Row>(db: Queryable, page: PageRequest & AccountFilter, order: Order): Promise<Row[]> {
  const { conditions, parameters, isIndexed } = buildFilter(page);
  const limit = readLimit(page);
  const all = [...order.position, limit, ...parameters];
  const select = `SELECT ${ACCOUNT_COLUMNS}, ${order.place} AS ${order.name}`;
  const end = `ORDER BY ${order.order} LIMIT $3`;
  const matches = ["true", ...conditions].join(" AND ");
  if (!isIndexed) {
    return await db.query<Row>(
      `${select} FROM farebox.accounts WHERE ${order.isAfter} AND ${matches} ${end}`,
      all,
    );
  }
  const first = await db.query<Row>(
    `${select} FROM (
       SELECT * FROM farebox.accounts WHERE ${order.isAfter}
       ORDER BY ${order.order} LIMIT ${LOOKED_AT} + 20 * $3::integer
     ) a WHERE ${matches} ${end}`,
    all,
  );
  if (first.length === limit) return first;
  return await db.query<Row>(
    `WITH found AS MATERIALIZED (SELECT * FROM farebox.accounts WHERE ${matches})
     ${select} FROM found WHERE ${order.isAfter} ${end}`,
    all,
  );
}

/** SQL that finds what the filter names, with its parameters from `$4` on. The parts only find faster what has the text within it. */
function buildFilter({ q, ids, state, plan, metadata }: AccountFilter): {
  readonly conditions: readonly string[];
  readonly parameters: readonly Parameter[];
  /** Whether an index finds some of it. States have none: there are three. */
  readonly isIndexed: boolean;
} {
  const conditions: string[] = [];
  const parameters: Parameter[] = [];
  const add = (value: string | readonly string[] | undefined, condition: (name: string) => string): void => {
    if (value === undefined) return;
    parameters.push(value);
    conditions.push(condition(`$${parameters.length + 3}`));
  };
  add(
    q,
    (text) => `${PARTS} @@ farebox.parts_wanted(lower(${text}::text))
      AND (strpos(lower(name), lower(${text}::text)) > 0 OR strpos(lower(account_id), lower(${text}::text)) > 0)`,
  );
  add(ids, (list) => `account_id = ANY(${list}::text[])`);
  add(state, (text) => `state = ${text}`);
  add(plan, (text) => `plan = ${text}`);
  add(metadata && JSON.stringify(metadata), (json) => `metadata @> ${json}::jsonb`);
  return { conditions, parameters, isIndexed: [q, ids, plan, metadata].some((one) => one !== undefined) };
}

/** As the index `accounts_by_parts` has it. */
const PARTS = "farebox.parts_of(lower(name) || E'\\n' || lower(account_id))";
