/** `farebox/express`: Farebox as middleware of Express 5. */
import type { Config } from "../config/config.ts";
import { asExpress } from "../middleware/adapt-express.ts";
import { type FareboxOptions, openMiddleware } from "./open-farebox.ts";

export type { Balance, FareboxCall } from "../middleware/farebox-call.ts";
export type { HeldWork, SettledWork, WorkDone, WorkToHold } from "../middleware/hand-holds.ts";
export type { FareboxOptions } from "./open-farebox.ts";

/** Middleware of Express, and how it ends. Whoever has this type has `request.farebox` too. */
export interface ExpressFarebox extends ReturnType<typeof asExpress> {
  /**
   * Lets requests under way finish and settle, within `gateway.drain` of the configuration, gives the leases back and closes the
   * database. To be called behind the server's own `close`. Never rejects.
   */
  close(): Promise<void>;
}

/**
 * Opens Farebox in this process. What is mounted behind it is sold, and has `request.farebox`; parsers of bodies belong behind it.
 *
 *     app.use(await farebox("farebox.yaml"));
 *
 * Rejects with FareboxError `config_invalid` and with what keeps the database from being opened.
 */
export async function farebox(
  config: Config | string,
  options: FareboxOptions = {},
): Promise<ExpressFarebox> {
  const { middleware, close } = await openMiddleware(config, options);
  return Object.assign(asExpress(middleware), { close });
}
