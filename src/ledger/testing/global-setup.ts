import { type PostgresServer, SERVER_VARIABLE, startPostgres } from "./postgres-server.ts";

/**
 * For `node --test --test-global-setup=src/ledger/testing/global-setup.ts`: one Postgres server for the whole run, which
 * the test files' processes inherit by the environment. Without the flag each file that needs one starts its own.
 */
let server: PostgresServer | undefined;

export async function globalSetup(): Promise<void> {
  // oxlint-disable-next-line node/no-process-env -- the environment is how the test files' processes learn of the server
  const { env } = process;
  if (env["DATABASE_URL"] !== undefined) return;
  server = await startPostgres();
  env[SERVER_VARIABLE] = server.url;
}

export async function globalTeardown(): Promise<void> {
  await server?.stop();
}
