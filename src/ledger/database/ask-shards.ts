import type { Database, Parameter, Statement } from "./database.ts";

/**
 * Calls a function of one shard for each of several, and returns its answers in their order. `call` renders the call for a shard;
 * `params` are its `$1`, `$2` and so on. The function waits for no lock.
 *
 * On PGlite all calls are one statement: each statement costs an idle process about as much as four such calls. On a server each
 * is its own: Citus runs a call on the server of its shard only when it stands alone.
 */
export async function askShards<Answer>(
  database: Database,
  name: string,
  call: (shard: string) => string,
  shards: readonly number[],
  params: readonly Parameter[] = [],
): Promise<Answer[]> {
  if (database.kind === "pglite") {
    const columns = shards.map((shard) => `${call(`${shard}::smallint`)} AS a${shard}`);
    if (columns.length === 0) return [];
    const [row] = await database.query<Record<string, Answer>>(
      { name: `${name} ${shards.join()}`, text: `SELECT ${columns.join(", ")}` },
      params,
    );
    return Object.values(row ?? {});
  }
  const answers: Answer[] = [];
  const statement: Statement = {
    name,
    isUrgent: true,
    text: `SELECT ${call(`$${params.length + 1}::smallint`)} AS answer`,
  };
  for (const shard of shards) {
    const [row] = await database.query<{ answer: Answer }>(statement, [...params, shard]);
    if (row === undefined) throw new Error(`${name} answered nothing`);
    answers.push(row.answer);
  }
  return answers;
}

/** Runs it for the shards of each server, at the same time: one that does not answer keeps the others from nothing. */
export function eachServer<T>(
  database: Database,
  shards: readonly number[],
  run: (shards: readonly number[]) => Promise<T>,
): Promise<PromiseSettledResult<T>[]> {
  const servers = Map.groupBy(shards, (shard) => database.serverOf?.(shard));
  return Promise.allSettled(Array.from(servers.values(), run));
}
