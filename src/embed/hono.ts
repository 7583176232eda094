/** `farebox/hono`: Farebox before Hono 4 on Node. */
import type { MiddlewareHandler } from "hono";
import type { Config } from "../config/config.ts";
import { createServerOf, provideToHono } from "../middleware/adapt-hono.ts";
import { type FareboxOptions, openMiddleware } from "./open-farebox.ts";

export type { Balance, FareboxCall } from "../middleware/farebox-call.ts";
export type { HeldWork, SettledWork, WorkDone, WorkToHold } from "../middleware/hand-holds.ts";
export type { FareboxOptions } from "./open-farebox.ts";

/** Middleware of Hono, with what makes the server for `serve` of `@hono/node-server`. Whoever has this type has `c.var.farebox` too. */
export interface HonoFarebox extends MiddlewareHandler {
  readonly createServer: ReturnType<typeof createServerOf>;
  /**
   * Lets requests under way finish and settle, within `gateway.drain` of the configuration, gives the leases back and closes the
   * database. To be called behind the server's own `close`. Never rejects.
   */
  close(): Promise<void>;
}

/**
 * Opens Farebox in this process, before Hono's router: it routes what was priced. Handlers have `c.var.farebox`.
 *
 *     const paid = await farebox("farebox.yaml");
 *     app.use(paid);
 *     serve({ fetch: app.fetch, createServer: paid.createServer, port: 3000 });
 *
 * Rejects with FareboxError `config_invalid` and with what keeps the database from being opened.
 */
export async function farebox(config: Config | string, options: FareboxOptions = {}): Promise<HonoFarebox> {
  const { middleware, close } = await openMiddleware(config, options);
  const provide: MiddlewareHandler = (context, next) => provideToHono(context, next);
  return Object.assign(provide, { createServer: createServerOf(middleware), close });
}
