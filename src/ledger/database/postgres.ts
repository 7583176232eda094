import type { Database } from "./database.ts";
import { PoolDatabase, SESSION_LIMITS, type SessionLimits } from "./pool-database.ts";

export interface PostgresOptions {
  readonly url: string;
  /** One connection per shard's lane, and some for administration and reports. */
  readonly maxConnections?: number;
  readonly limits?: SessionLimits;
  /** How long one attempt to connect may take; also how long a caller waits for a free connection. */
  readonly connectTimeoutMs?: number;
}

/** A pool of connections to a Postgres server. Connects at the first query. */
export function openPostgres(options: PostgresOptions): Database {
  return new PoolDatabase(
    "postgres",
    {
      connectionString: options.url,
      max: options.maxConnections ?? 12,
      connectionTimeoutMillis: options.connectTimeoutMs ?? 5000,
      idleTimeoutMillis: 60_000,
      keepAlive: true,
      application_name: "farebox",
    },
    options.limits ?? SESSION_LIMITS,
  );
}
