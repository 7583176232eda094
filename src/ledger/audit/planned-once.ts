import type { Parameter, Queryable, Statement, Transaction } from "../database/database.ts";

/** Of this process, by their texts: the texts are constants, so there are few. */
const names = new Map<string, string>();

/**
 * The queries of a transaction, each planned once per connection and not again for each chunk of pools: to plan one takes ten times
 * what it takes to run it on a few pools. Their plans do not depend on what they are asked: an audit looks everything up by keys.
 */
export async function plannedOnce(tx: Transaction): Promise<Queryable> {
  // Citus plans a query when it knows whom it asks.
  await tx.query(`SELECT set_config('plan_cache_mode', 'force_generic_plan', true)
    WHERE NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')`);
  return {
    query: <Row>(statement: string | Statement, params?: readonly Parameter[]) =>
      tx.query<Row>(typeof statement === "string" ? named(statement) : statement, params),
    exec: (sql) => tx.exec(sql),
  };
}

function named(text: string): Statement {
  const name = names.get(text) ?? `audit ${names.size + 1}`;
  names.set(text, name);
  return { name, text };
}
