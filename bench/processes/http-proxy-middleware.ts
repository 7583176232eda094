/** http-proxy-middleware as its documentation sets it up on a plain node server, with a keep-alive agent. */
import { Agent, createServer } from "node:http";
import { createProxyMiddleware } from "http-proxy-middleware";
import { announce } from "./announce.ts";

const proxy = createProxyMiddleware({
  target: process.argv[2] ?? "",
  agent: new Agent({ keepAlive: true, maxSockets: 128 }),
});
const server = createServer((request, response) => {
  void proxy(request, response, () => response.destroy());
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => announce(server));
