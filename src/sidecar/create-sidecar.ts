import { once } from "node:events";
import { rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createConnection } from "node:net";
import type { Config } from "../config/config.ts";
import { watchRequests } from "../http/watch-requests.ts";
import type { Queryable } from "../ledger/database/database.ts";
import { describeSidecar } from "./describe-sidecar.ts";
import { createHoldParts, endHolds, type HoldOptions } from "./hold-parts.ts";
import { Senders } from "./listener/senders.ts";
import { serve } from "./listener/serve.ts";
import type { SidecarEvents } from "./sidecar-events.ts";
import type { SidecarParts } from "./sidecar-parts.ts";

export interface SidecarOptions extends HoldOptions {
  readonly database: Queryable;
  readonly operatorToken: string;
  readonly events: SidecarEvents;
  readonly version: string;
}

/** The listener on which APIs ask for holds. */
export interface Sidecar {
  /** `http://127.0.0.1:8402`, or `unix:/run/farebox/sidecar.sock`. Rejects when the address is taken. */
  listen(where: NonNullable<Config["sidecar"]["listen"]>): Promise<string>;
  /** Nothing new is held; what is held may still be settled, for as long as the gateway drains. Then it stops listening. */
  close(): Promise<void>;
}

/** Callers keep their connections; a request that does not come to its end is cut off. */
const PATIENCE = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 60_000,
};

export function createSidecar(options: SidecarOptions): Sidecar {
  const { database, operatorToken, events, version } = options;
  const senders = new Senders(database, operatorToken);
  const parts: SidecarParts = { ...createHoldParts(options), senders, events };
  let document: object | undefined;
  const describe = (): object => (document ??= describeSidecar(version));
  const server = createServer({ ...PATIENCE, noDelay: true }, (request, response) => {
    response.on("error", ignore);
    void serve(parts, describe, request, response);
  });
  const closeServer = watchRequests(server);
  return {
    listen: (where) => listen(server, where),
    close: () => close(closeServer, parts),
  };
}

async function listen(server: Server, where: NonNullable<Config["sidecar"]["listen"]>): Promise<string> {
  if ("path" in where) {
    await removeLeftSocket(where.path);
    // Only who runs Farebox may ask, unless the folder's owner says otherwise by its mode.
    const before = process.umask(0o007);
    server.listen(where.path);
    process.umask(before);
    await once(server, "listening");
    return `unix:${where.path}`;
  }
  server.listen(where.port, where.host);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : where.port;
  return `http://${where.host.includes(":") ? `[${where.host}]` : where.host}:${port}`;
}

/** A process that was killed leaves its socket behind: one at which nobody listens is removed. */
async function removeLeftSocket(path: string): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  const socket = createConnection(path);
  const isServed = await new Promise<boolean>((resolve) => {
    socket.on("connect", () => resolve(true));
    socket.on("error", () => resolve(false));
  });
  socket.destroy();
  if (!isServed) rmSync(path, { force: true });
}

async function close(closeServer: (withinMs: number) => Promise<void>, parts: SidecarParts): Promise<void> {
  const until = performance.now() + parts.config.gateway.drainMs;
  await endHolds(parts);
  await closeServer(Math.max(1_000, until - performance.now()));
}

function ignore(): void {
  // The caller has gone: there is nobody to answer.
}
