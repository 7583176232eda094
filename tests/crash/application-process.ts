/**
 * An application that has Farebox in its process. `/work` is answered at once; for `/slow` its parent is told, and no answer is made. Its
 * argument is JSON of {@link MeterArguments}.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseConfig } from "../../src/config/load-config.ts";
import { farebox } from "../../src/embed/node.ts";
import type { MeterArguments } from "./meter-process.ts";

const { yaml, ...options }: MeterArguments = JSON.parse(process.argv[2] ?? "{}");
const paid = await farebox(parseConfig("farebox.yaml", yaml, {}), options);
const handler = paid((request, response) => {
  if (request.url === "/slow") process.send?.("handled");
  else response.end("done");
});
const server = createServer(handler).listen(0, "127.0.0.1", () => {
  process.send?.((server.address() as AddressInfo).port);
});
