import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { PostgresVersion } from "./postgres-binaries.ts";
import { type PostgresServer, SERVER_VARIABLES, startPostgres } from "./postgres-server.ts";
import { keepTemporaryFilesInMemory } from "./temporary-files.ts";

/**
 * For `node --test --test-global-setup=src/ledger/testing/global-setup.ts`: one server of each Postgres for the whole run,
 * which the test files' processes inherit by the environment. Without the flag each file that needs one starts its own.
 */
const servers: PostgresServer[] = [];
let removeTemporaryFiles = (): void => undefined;

export async function globalSetup(): Promise<void> {
  // oxlint-disable-next-line node/no-process-env -- the environment is how the test files' processes learn of the servers
  const { env } = process;
  // What one process has compiled the next ones read: each loads a server's modules in half the CPU time.
  env["NODE_COMPILE_CACHE"] ??= join(tmpdir(), `farebox-compiled-${userInfo().uid}`);
  removeTemporaryFiles = keepTemporaryFilesInMemory(env);
  const versions: readonly PostgresVersion[] = env["DATABASE_URL"] === undefined ? [18, 15] : [15];
  await Promise.all(
    versions.map(async (version) => {
      const server = await startPostgres({ version });
      servers.push(server);
      env[SERVER_VARIABLES[version]] = server.url;
    }),
  );
}

export async function globalTeardown(): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
  removeTemporaryFiles();
}
