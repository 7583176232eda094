import type { Transaction } from "../database.ts";

/** A lock that a move of the shard waits for, as Citus takes it for whoever changes rows. */
const GUARD =
  "PERFORM lock_shard_metadata(5, ARRAY[get_shard_id_for_distribution_column('farebox.pools', p_shard)]);";

/**
 * Functions of one shard that lock rows and change them later, or that take turns by an advisory lock: that one is of the server on which
 * they run.
 */
const UNGUARDED = `SELECT pg_get_functiondef(p.oid) AS definition FROM pg_proc p
  WHERE p.pronamespace = 'farebox'::regnamespace AND p.proargnames[1] = 'p_shard'
    AND p.prosrc ~ '\\m(FOR (NO KEY )?UPDATE|pg_(try_)?advisory_xact_lock)\\M' AND p.prosrc NOT LIKE '%lock_shard_metadata%'
  ORDER BY p.oid::regprocedure::text`;

/**
 * The same function, which begins by keeping its shard where it is. Citus lets a shard move away while a transaction has only locked rows
 * of it: what that one had read is changed by others in the new place, and then overwritten by it there.
 */
export function guardMoves(definition: string): string {
  const guarded = definition.replace(/^BEGIN$/m, () => `BEGIN\n  ${GUARD}`);
  if (guarded === definition) throw new Error(`no place for the lock of the shard in ${definition}`);
  return guarded;
}

/** Of a cluster. A migration that replaces a function gives it the body that it has on one server. */
export async function guardFunctions(tx: Transaction): Promise<void> {
  for (const { definition } of await tx.query<{ definition: string }>(UNGUARDED)) {
    await tx.exec(guardMoves(definition));
  }
}
