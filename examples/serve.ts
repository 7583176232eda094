import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";

/** A running example upstream. */
export interface Upstream {
  /** `http://127.0.0.1:<port>`, without a slash at its end. */
  readonly url: string;
  /** Stops listening and ends open connections. */
  close(): Promise<void>;
}

export interface UpstreamOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number;
}

/** Serves the app on the loopback interface only: an upstream has no keys, so nobody else may reach it. */
export async function serve(app: Hono, options: UpstreamOptions = {}): Promise<Upstream> {
  const server = createAdaptorServer({ fetch: app.fetch });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
      await closed;
    },
  };
}

/** Starts an upstream from the command line: `node examples/coresignal/upstream.ts --port 9000`. */
export async function runUpstream(
  startUpstream: (options: UpstreamOptions) => Promise<Upstream>,
): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: "string", default: "9000" } } });
  const upstream = await startUpstream({ port: Number(values.port) });
  process.stdout.write(`listening on ${upstream.url}\n`);
  process.once("SIGINT", () => void upstream.close());
  process.once("SIGTERM", () => void upstream.close());
}
