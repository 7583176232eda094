/** Farebox in a process of one's own: the same composition as `farebox start`. */
export type { Config } from "./config/config.ts";
export { loadConfig } from "./config/load-config.ts";
export { FareboxError } from "./domain/farebox-error.ts";
export { type OpenMeter, openMeter } from "./embed/meter.ts";
export type { DatabaseTarget } from "./ledger/database/open-database.ts";
export { type FareboxOptions, type Listen, type Running, startFarebox } from "./server/main.ts";
export { createLogger, type Logger, type LoggerOptions } from "./telemetry/logger.ts";
