import type { Server } from "node:net";

/** Tells the parent process which port a child listens on. */
export function announce(server: Server): void {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  process.send?.({ port: address.port });
}
