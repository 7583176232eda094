import { type DestinationStream, destination, type Logger, pino } from "pino";
import { renderHumanLine } from "./human-line.ts";

export type { Logger } from "pino";

/** How much is logged; `silent` is for tests and for commands that only print a result. */
export type LogLevel = (typeof LEVELS)[number];

const LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `json` for machines, `human` for a terminal. */
  readonly format: "json" | "human";
  /** Where lines go; standard error by default, so that standard output carries only results. */
  readonly write?: (line: string) => void;
}

/**
 * Values that must never reach a log, by the names under which headers, configuration and errors carry them. A key is
 * shown once, at its creation, to whoever created it; a log is read by many for years.
 */
const SECRET_PATHS = ["authorization", "apikey", "api_key", "x-api-key", "token", "password", "databaseUrl"];

/** How much it logs, for another that is to log as much. */
export function levelOf({ level }: Logger): LogLevel {
  return LEVELS.find((known) => known === level) ?? "info";
}

/** The process's logger. Writes are synchronous: the line before a crash is the one that is wanted. */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: SECRET_PATHS.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]),
        censor: "[secret]",
      },
    },
    chooseStream(options),
  );
}

function chooseStream(options: LoggerOptions): DestinationStream {
  const target: DestinationStream =
    options.write === undefined ? destination({ fd: 2, sync: true }) : { write: options.write };
  if (options.format === "json") return target;
  return { write: (line: string) => target.write(renderHumanLine(line)) };
}
