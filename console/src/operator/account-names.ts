import { OPERATOR } from "./operator-api.ts";

/** The most that one request may ask for. */
const MOST = 100;

interface Batch {
  readonly ids: Set<string>;
  readonly names: Promise<ReadonlyMap<string, string>>;
}

let open: Batch | undefined;

/** An account's name; null: there is none. What is asked for at once, by the lines of a table say, is one request. */
export async function readAccountName(id: string): Promise<string | null> {
  if (open === undefined || open.ids.size >= MOST) open = beginBatch();
  open.ids.add(id);
  const names = await open.names;
  return names.get(id) ?? null;
}

function beginBatch(): Batch {
  const ids = new Set<string>();
  const read = async (): Promise<ReadonlyMap<string, string>> => {
    // Until all that is drawn now has asked.
    await new Promise((resolve) => setTimeout(resolve));
    if (open === batch) open = undefined;
    const { accounts } = await OPERATOR.listAccounts({ ids: [...ids].join(","), limit: MOST });
    return new Map(accounts.map(({ id, name }) => [id, name]));
  };
  const batch: Batch = { ids, names: read() };
  return batch;
}
