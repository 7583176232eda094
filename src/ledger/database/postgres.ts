import { ServerHosts } from "./address/server-hosts.ts";
import { PoolDatabase } from "./pool-database.ts";
import { SESSION_LIMITS, type SessionLimits } from "./session.ts";

export interface PostgresOptions {
  readonly url: string;
  /** One connection per shard's lane, and some for administration and reports. */
  readonly maxConnections?: number;
  readonly limits?: SessionLimits;
  /** How long one attempt to connect may take; also how long a caller waits for a free connection. */
  readonly connectTimeoutMs?: number;
}

/** Sessions are replaced after so long: behind a name that moves to another server all have followed by then. */
const LONGEST_LIFE_S = 600;

/** A silent peer is asked for a sign of life so soon by the system. */
const KEEP_ALIVE_MS = 10_000;

/** A pool of sessions of a Postgres server. Connects at the first query. Throws FareboxError `database_url_invalid`. */
export function openPostgres(options: PostgresOptions): PoolDatabase {
  return new PoolDatabase(
    "postgres",
    {
      max: options.maxConnections ?? 12,
      connectionTimeoutMillis: options.connectTimeoutMs ?? 5000,
      idleTimeoutMillis: 60_000,
      // Not all instances at the same moment.
      maxLifetimeSeconds: Math.round(LONGEST_LIFE_S * (0.9 + Math.random() / 5)),
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      application_name: "farebox",
    },
    { limits: options.limits ?? SESSION_LIMITS, hosts: new ServerHosts(options.url) },
  );
}
