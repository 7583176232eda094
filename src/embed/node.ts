/** `farebox/node`: Farebox before a handler of node:http. */
import type { RequestListener } from "node:http";
import type { Config } from "../config/config.ts";
import { beforeHandler, type NodeHandler } from "../middleware/adapt-node.ts";
import { type FareboxOptions, openMiddleware } from "./open-farebox.ts";

export type { NodeHandler } from "../middleware/adapt-node.ts";
export type { Balance, FareboxCall } from "../middleware/farebox-call.ts";
export type { HeldWork, SettledWork, WorkDone, WorkToHold } from "../middleware/hand-holds.ts";
export type { MeteredRequest } from "../middleware/middleware.ts";
export type { FareboxOptions } from "./open-farebox.ts";

/** Puts Farebox before a handler, as a listener for `createServer`. */
export interface NodeFarebox {
  (handler: NodeHandler): RequestListener;
  /**
   * Lets requests under way finish and settle, within `gateway.drain` of the configuration, gives the leases back and closes the
   * database. To be called behind the server's own `close`. Never rejects.
   */
  close(): Promise<void>;
}

/**
 * Opens Farebox in this process.
 *
 *     const paid = await farebox("farebox.yaml");
 *     createServer(paid((request, response) => response.end("Hello"))).listen(3000);
 *
 * Rejects with FareboxError `config_invalid` and with what keeps the database from being opened.
 */
export async function farebox(config: Config | string, options: FareboxOptions = {}): Promise<NodeFarebox> {
  const { middleware, close } = await openMiddleware(config, options);
  return Object.assign((handler: NodeHandler) => beforeHandler(middleware, handler), { close });
}
