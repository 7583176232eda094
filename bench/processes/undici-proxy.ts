/** The least that a proxy can do with undici: no headers touched, no limits, bodies piped. */
import { createServer } from "node:http";
import { Pool } from "undici";
import { announce } from "./announce.ts";

const pool = new Pool(process.argv[2] ?? "", { connections: 128 });
const server = createServer((request, response) => {
  pool
    .stream(
      {
        path: request.url ?? "/",
        method: request.method ?? "GET",
        headers: request.headers,
        body: request.method === "GET" ? null : request,
      },
      ({ statusCode, headers }) => response.writeHead(statusCode, headers),
    )
    .catch(() => response.destroy());
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => announce(server));
