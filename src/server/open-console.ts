import type { Config } from "../config/config.ts";
import type { Database } from "../ledger/database/database.ts";
import type { ConsoleDoor } from "../pages/console-door.ts";
import { createConsole } from "../sessions/console/create-console.ts";
import type { SessionOptions } from "../sessions/session-endpoint.ts";
import type { Logger } from "../telemetry/logger.ts";
import { openConsolePages } from "./open-pages.ts";

/** The operators' pages and their sessions; undefined when they are off. */
export function openConsole(
  database: Database,
  config: Config,
  operatorToken: string,
  logger: Logger,
): ConsoleDoor | undefined {
  if (!config.console.enabled) return undefined;
  const { path, oidc } = config.console;
  const pages = openConsolePages(config);
  return createConsole({
    path,
    pages,
    operatorToken,
    oidc,
    signInRefused: (reason) => logger.warn({ reason }, "a person was not signed in to the console"),
    ...sessionOptions(database, config),
  });
}

/** What holds for customers' sessions and operators'. */
export function sessionOptions(database: Database, { sessions }: Config): SessionOptions {
  const { hosts, idleSeconds, longestSeconds } = sessions;
  return { database, hosts, times: { idleSeconds, longestSeconds }, now: () => performance.now() };
}
