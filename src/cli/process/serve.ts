import type { Config } from "../../config/config.ts";
import { removeInstanceFile, writeInstanceFile } from "../../server/instance-file.ts";
import { type Running, startFarebox } from "../../server/main.ts";
import { createLogger, type LogLevel } from "../../telemetry/logger.ts";
import { type Cli, databaseTarget, dataDirectory, type StorageOptions } from "../cli.ts";
import type { ListenAddress } from "./listen-address.ts";
import { untilTerminated } from "./termination.ts";

export interface ServeOptions extends StorageOptions {
  readonly listen: ListenAddress;
  readonly operatorListen: ListenAddress;
  readonly logLevel: LogLevel;
  /** False: it starts without an upstream too. */
  readonly upstream?: boolean;
}

/** A Farebox that the command line finds by its data directory. */
export interface Served extends Running {
  /** Resolves after SIGTERM or SIGINT, when everything is closed. */
  readonly ended: Promise<void>;
}

/** Whoever is done ends within it by himself. */
const LEFT_MS = 1_000;

/** Forced to end while requests were under way. */
const EXIT_FORCED = 1;

/** Starts Farebox in this process until it is told to stop. Rejects like startFarebox. */
export async function serve(cli: Cli, config: Config | string, options: ServeOptions): Promise<Served> {
  const { terminal } = cli;
  const directory = dataDirectory(options);
  const running = await startFarebox({
    config,
    database: databaseTarget(cli, options),
    dataDirectory: directory,
    listen: options.listen,
    operatorListen: options.operatorListen,
    operatorToken: cli.environment().operatorToken,
    logger: createLogger({
      level: options.logLevel,
      format: terminal.interactive && options.json !== true ? "human" : "json",
    }),
    version: cli.version,
    withoutUpstream: options.upstream === false,
    onDatabaseRetry: ({ number, inMs, reason }) =>
      terminal.err(
        `The database does not answer (attempt ${number}): ${reason}. Trying again in ${(inMs / 1000).toFixed(1)} s.\n`,
      ),
  });
  try {
    writeInstanceFile(directory, { operator: running.operator, gateway: running.gateway, pid: process.pid });
  } catch (error) {
    await running.close();
    throw error;
  }
  const { created, file } = running.operatorToken;
  // Where it is and not what: standard error ends up in logs, which more people read than may do everything.
  if (created) {
    const line =
      options.json === true ? JSON.stringify({ event: "operator_token_created", file }) : undefined;
    terminal.err(`${line ?? `New operator token, kept in ${file}`}\n`);
  }
  return { ...running, ended: untilClosed(cli, running, directory) };
}

async function untilClosed(cli: Cli, running: Running, directory: string): Promise<void> {
  let isAnnounced = true;
  const signal = await untilTerminated(() => {
    if (!isAnnounced) {
      isAnnounced = true;
      void running.close();
      return;
    }
    cli.terminal.err("Stopped at once: requests under way were cut.\n");
    process.exit(EXIT_FORCED);
  });
  removeInstanceFile(directory);
  // Whoever interrupts at a terminal has no load balancer in front.
  if (signal === "SIGTERM") {
    isAnnounced = false;
    cli.terminal.err(`${signal}: not ready any more; still taking requests. Once more to take none.\n`);
    await running.announceEnd();
    isAnnounced = true;
  }
  cli.terminal.err(`${signal}: finishing the requests under way. Once more to stop at once.\n`);
  await running.close();
  // What did not come to an end must not keep the process: there is nothing left to wait for.
  setTimeout(() => process.exit(EXIT_FORCED), LEFT_MS).unref();
}
