import { guardFunctions } from "./cluster/guard-moves.ts";
import type { Queryable, Transaction } from "./database.ts";

/**
 * Small tables, of which every server of a Citus cluster has a copy. All others with a shard are spread over the servers by it,
 * so that all rows of an account lie together; `migrations` stays where it is read.
 */
export const REFERENCE_TABLES: readonly string[] = [
  "accounts",
  "bulk_refunds",
  "console_links",
  "console_sessions",
  "credit_types",
  "endpoints",
  "keys",
  "last_audit",
  "operator_audit",
  "operator_giving",
  "operator_requests",
  "operator_tokens",
  "plans",
  "portal_links",
  "price_lists",
  "rotated_secrets",
  "secrets",
  "sessions",
  "sweep_steps",
];

export const LOCAL_TABLES: readonly string[] = ["migrations"];

/** Tables, the parents of partitions among them, that Citus does not know yet. */
const UNDISTRIBUTED = `SELECT c.relname::text AS name FROM pg_class c
  WHERE c.relnamespace = 'farebox'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND NOT EXISTS (SELECT FROM pg_dist_partition d WHERE d.logicalrelid = c.oid)
  ORDER BY c.relname`;

/**
 * Functions that do not run yet where or as they should: Citus makes each function on all servers by itself, and knows of none that
 * it is of a shard. A migration that replaces one gives it the settings that it has on one server.
 */
const UNPLACED_FUNCTIONS = `SELECT p.oid::regprocedure::text AS signature, s.is AS "isOfShard", s.generic AS "isGeneric"
  FROM pg_proc p, LATERAL (SELECT coalesce(p.proargnames[1] = 'p_shard', false) AS is,
    coalesce('plan_cache_mode=force_generic_plan' = ANY (p.proconfig), false) AS generic) s
  WHERE p.pronamespace = 'farebox'::regnamespace AND p.prorettype <> 'trigger'::regtype
    AND (s.is AND s.generic OR NOT EXISTS (
      SELECT FROM pg_dist_object d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
        AND (NOT s.is OR d.distribution_argument_index IS NOT NULL)
    ))
  ORDER BY 1`;

interface FunctionRow {
  readonly signature: string;
  readonly isOfShard: boolean;
  readonly isGeneric: boolean;
}

/**
 * Spreads tables and functions over the servers of a Citus cluster, in a database that has the extension; on any other it does
 * nothing. What is spread already stays. A call of a function of one shard then runs on the server that has the shard. Returns
 * what it spread. The caller has locked out others that migrate, and told Citus to do one thing after the other.
 */
export async function distribute(tx: Transaction): Promise<readonly string[]> {
  if (!(await isCluster(tx))) return [];
  const rows = await tx.query<{ name: string }>(UNDISTRIBUTED);
  const names = rows.map(({ name }) => name).filter((name) => !LOCAL_TABLES.includes(name));
  // Tables that others refer to, or lie beside, come first.
  const tables = names.toSorted((left, right) => rank(left) - rank(right));
  for (const table of tables) await tx.exec(placeOf(table));
  const functions = await tx.query<FunctionRow>(UNPLACED_FUNCTIONS);
  for (const { signature, isOfShard, isGeneric } of functions) {
    // Citus needs a statement's values when it plans it: the shard is one of them.
    if (isOfShard && isGeneric) {
      await tx.exec(`ALTER FUNCTION ${signature} SET plan_cache_mode = force_custom_plan`);
    }
    const place = isOfShard ? ", 'p_shard', colocate_with := 'farebox.pools'" : "";
    await tx.exec(`SELECT create_distributed_function('${signature}'${place})`);
  }
  await guardFunctions(tx);
  return [...tables, ...functions.map(({ signature }) => signature)];
}

/** Over how many servers the shards are spread: one, but for the workers of a Citus cluster. */
export async function countServers(db: Queryable): Promise<number> {
  if (!(await isCluster(db))) return 1;
  const [row] = await db.query<{ servers: number }>(
    "SELECT count(*)::int AS servers FROM pg_dist_node WHERE shouldhaveshards AND isactive AND noderole = 'primary'",
  );
  return Math.max(1, row?.servers ?? 1);
}

export async function isCluster(db: Queryable): Promise<boolean> {
  const found = await db.query("SELECT FROM pg_extension WHERE extname = 'citus'");
  return found.length > 0;
}

function rank(table: string): number {
  if (table === "accounts") return 0;
  if (REFERENCE_TABLES.includes(table)) return 1;
  return table === "pools" ? 2 : 3;
}

function placeOf(table: string): string {
  if (REFERENCE_TABLES.includes(table)) return `SELECT create_reference_table('farebox.${table}')`;
  if (table === "pools") return "SELECT create_distributed_table('farebox.pools', 'shard')";
  const distributed = `SELECT create_distributed_table('farebox.${table}', 'shard', colocate_with := 'farebox.pools')`;
  if (table !== "entries") return distributed;
  // Citus has no triggers on such tables: there rights make entries append-only, also for the role that owns them.
  return `DROP TRIGGER IF EXISTS entries_append_only ON farebox.entries;
    ${distributed}; REVOKE UPDATE, DELETE, TRUNCATE ON farebox.entries FROM PUBLIC, CURRENT_USER`;
}
