import { type Command, Option } from "commander";
import type { z } from "zod";
import type { Query } from "../../client/transport.ts";
import type { OperatorOptions } from "../cli.ts";
import type { OperatorClient } from "../operator/operator-client.ts";

/** Options of every command that prints a list. */
export interface PageOptions extends OperatorOptions {
  readonly limit?: string;
  readonly cursor?: string;
  readonly all?: boolean;
}

/** The most that one request may ask for: of `--all`, as few requests as possible. */
const LARGEST_PAGE = "500";

/** Adds `--limit`, `--cursor` and `--all`. */
export function addPageOptions(command: Command, what: string): Command {
  return command
    .option("--limit <n>", `how many ${what} (default: 100, at most 500)`)
    .option("--cursor <cursor>", "continue where the page before ended")
    .addOption(new Option("--all", "every page, one after the other").conflicts(["limit", "cursor"]));
}

/** One page of a list; with `--all` every page's items as one page, whose `next` is null. */
export async function readPages<Name extends string, Item, Rest extends { readonly next: string | null }>(
  operator: OperatorClient,
  list: {
    readonly path: string;
    readonly body: z.ZodType<Rest & Readonly<Record<Name, Item[]>>>;
    /** The page's member that has the items. */
    readonly items: Name;
    readonly query?: Query;
  },
  options: PageOptions,
): Promise<Rest & Readonly<Record<Name, Item[]>>> {
  const { path, body, items, query } = list;
  const { all, cursor, limit } = options;
  const first = await operator.get(path, body, {
    ...query,
    cursor,
    limit: all === true ? LARGEST_PAGE : limit,
  });
  if (all !== true) return first;
  const collected = [...first[items]];
  let page = first;
  while (page.next !== null) {
    page = await operator.get(path, body, { ...query, cursor: page.next, limit: LARGEST_PAGE });
    collected.push(...page[items]);
  }
  return { ...page, [items]: collected };
}

/** Where the list goes on, under the table of one page. */
export function renderNext(next: string | null): string {
  return next === null ? "" : `\nMore: --cursor ${next}, or --all\n`;
}
