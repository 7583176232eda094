import { readFileSync } from "node:fs";
import type { Config } from "../config/config.ts";
import { readEnvironment } from "../config/environment.ts";
import type { DatabaseTarget } from "../ledger/database/open-database.ts";
import { createMiddleware, type Middleware } from "../middleware/middleware.ts";
import type { Listen } from "../server/listen.ts";
import { type Embedded, openEmbedded } from "../server/open-embedded.ts";
import { createLogger, type Logger } from "../telemetry/logger.ts";
import { createHandHolds } from "./hold-by-hand.ts";

/** What `farebox()` and `openMeter()` take besides the configuration. All of it has a default. */
export interface FareboxOptions {
  /** `{ url }` of a Postgres, or `{ directory }` of the embedded database. `DATABASE_URL` by default, else the data directory. */
  readonly database?: DatabaseTarget;
  /** Of the embedded database and the operator's token; `.farebox` by default, as for the command. */
  readonly dataDirectory?: string;
  /**
   * Where the operator API listens in this process, as for `farebox start`; false: nowhere. By default `127.0.0.1:8401` with the
   * embedded database, which no other process can open, and nowhere with Postgres: there `farebox start` serves it.
   */
  readonly operator?: Listen | false;
  /** Warnings and errors on standard error by default. */
  readonly logger?: Logger;
}

/** Where `farebox start` listens for operators too. */
const OPERATOR: Listen = { host: "127.0.0.1", port: 8401 };

/** Opens Farebox in this process. Rejects like {@link openEmbedded}, and with `config_invalid` for the environment. */
export function openFarebox(config: Config | string, options: FareboxOptions): Promise<Embedded> {
  const { databaseUrl, operatorToken } = readEnvironment();
  const { dataDirectory = ".farebox", logger = createLogger({ level: "warn", format: "json" }) } = options;
  const ofEnvironment: DatabaseTarget =
    databaseUrl === undefined ? { directory: dataDirectory } : { url: databaseUrl };
  const database = options.database ?? ofEnvironment;
  const operator = options.operator ?? ("directory" in database ? OPERATOR : false);
  return openEmbedded({
    config,
    database,
    dataDirectory,
    operator: operator === false ? undefined : operator,
    operatorToken,
    logger,
    version: readVersion(),
  });
}

/** Farebox before the handlers of an application, and how it ends. */
export interface OpenedMiddleware {
  readonly middleware: Middleware;
  readonly close: () => Promise<void>;
}

export async function openMiddleware(
  config: Config | string,
  options: FareboxOptions,
): Promise<OpenedMiddleware> {
  const { exchange, openHolds, closing } = await openFarebox(config, options);
  const holds = createHandHolds(openHolds);
  const middleware = createMiddleware({ ...exchange, holds });
  closing.add(
    "middleware",
    async () => {
      middleware.announceEnd();
      await middleware.drain(exchange.config.gateway.drainMs);
      await holds.end();
    },
    "serving",
  );
  return { middleware, close: () => closing.run() };
}

/** Two folders above this file in the sources and in the published package. */
function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const version: unknown = Object(manifest).version;
  return typeof version === "string" ? version : "unknown";
}
