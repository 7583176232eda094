import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { readResponseHead } from "../exchange/headers/response-headers.ts";
import type { GatewayParts } from "./gateway-parts.ts";

/** A tunnel on which nothing moves is closed: twice the longest common keep-alive interval of WebSocket clients. */
const TUNNEL_IDLE_MS = 120_000;

export interface TunnelEnds {
  readonly client: Socket;
  /** What the client had sent behind its head. */
  readonly first: Buffer;
  readonly remote: Duplex;
  readonly status: number;
  readonly raw: readonly (Buffer | string)[];
}

/** Answers the switch and joins both connections with backpressure. Resolves when both have ended. */
export function joinTunnel(parts: GatewayParts, ends: TunnelEnds): Promise<void> {
  const { client, remote, first } = ends;
  parts.tunnels.add(client);
  client.write(switchHead(parts, ends), "latin1");
  if (first.length > 0) remote.write(first);
  client.setTimeout(TUNNEL_IDLE_MS, () => client.destroy());
  client.pipe(remote);
  remote.pipe(client);
  return new Promise((resolve) => {
    const end = (): void => {
      client.destroy();
      remote.destroy();
      parts.tunnels.delete(client);
      resolve();
    };
    // Protocols over an upgrade have a closing message of their own: an end of one side is the end of both.
    for (const side of [client, remote]) {
      side.once("close", end).once("error", end);
      side.once("end", () => side.end());
    }
    if (client.destroyed) end();
  });
}

function switchHead(parts: GatewayParts, ends: TunnelEnds): string {
  const head = readResponseHead(ends.raw, parts.ownHeaders, parts.config.gateway.maxHeaderCount);
  const lines = [`HTTP/1.1 ${ends.status} ${STATUS_CODES[ends.status] ?? ""}`];
  lines.push("Connection: Upgrade", "Upgrade: websocket");
  const headers = "reason" in head ? [] : head.headers;
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i] ?? ""}: ${headers[i + 1] ?? ""}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}
