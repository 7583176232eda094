import type { Server } from "node:net";

/** Tells the parent process which port a child listens on, and ends with it. */
export function announce(server: Server): void {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  process.send?.({ port: address.port });
  // The parent has ended, however it did: nobody would stop this one.
  process.once("disconnect", () => process.exit());
}
