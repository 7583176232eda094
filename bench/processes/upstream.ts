/** The upstream that every contender stands in front of: a keep-alive JSON answer of about one kilobyte. */
import { createServer } from "node:http";
import { announce } from "./announce.ts";

const body = Buffer.from(
  JSON.stringify({
    data: Array.from({ length: 10 }, (_, id) => ({ id, name: `Organisation ${id}`, note: "x".repeat(60) })),
  }),
);
const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
  response.end(body);
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => announce(server));
