/** `farebox/fastify`: Farebox before Fastify 5. */
import type { FastifyPluginCallback } from "fastify";
import type { Config } from "../config/config.ts";
import { decorateFastify, serverFactoryOf } from "../middleware/adapt-fastify.ts";
import { type FareboxOptions, openMiddleware } from "./open-farebox.ts";

export type { Balance, FareboxCall } from "../middleware/farebox-call.ts";
export type { HeldWork, SettledWork, WorkDone, WorkToHold } from "../middleware/hand-holds.ts";
export type { FareboxOptions } from "./open-farebox.ts";

/**
 * A plugin of Fastify, with what makes its server. Fastify's own `close` closes it: requests under way finish and settle before. Whoever
 * has this type has `request.farebox` too.
 */
export interface FastifyFarebox extends FastifyPluginCallback {
  readonly serverFactory: ReturnType<typeof serverFactoryOf>;
}

/**
 * Opens Farebox in this process, before Fastify's router: it routes what was priced. Handlers have `request.farebox`.
 *
 *     const paid = await farebox("farebox.yaml");
 *     const app = Fastify({ serverFactory: paid.serverFactory });
 *     await app.register(paid);
 *
 * Rejects with FareboxError `config_invalid` and with what keeps the database from being opened.
 */
export async function farebox(
  config: Config | string,
  options: FareboxOptions = {},
): Promise<FastifyFarebox> {
  const { middleware, close } = await openMiddleware(config, options);
  const plugin: FastifyPluginCallback = (app, _options, done) => {
    decorateFastify(app, close);
    done();
  };
  return Object.assign(plugin, {
    serverFactory: serverFactoryOf(middleware),
    // Fastify's way to say that what it adds is for the whole application.
    [Symbol.for("skip-override")]: true,
  });
}
