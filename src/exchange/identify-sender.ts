import { plainAddress } from "../domain/addresses.ts";
import type { Refusal } from "../domain/refusal.ts";
import { readSender } from "./headers/sender.ts";
import type { Exchange } from "./parts/exchange.ts";
import { RETRY_AFTER_SECONDS } from "./response/error-refusal.ts";

/** Behind a trusted proxy the client is who the proxy says, and the limit on connections is one on its requests under way. */
export function identifySender(exchange: Exchange): Refusal | undefined {
  const { connection, request, parts, header } = exchange;
  const { proxies } = parts;
  if (proxies === undefined) return undefined;
  const peer = connection?.plainAddress ?? plainAddress(request.socket?.remoteAddress ?? "");
  if (!(connection?.isProxy ?? proxies.includes(peer))) return undefined;
  const sender = readSender(header, peer, proxies, parts.config.gateway.proxyHeader);
  if ("reason" in sender) return { code: "request_invalid", reason: sender.reason };
  exchange.sender = sender;
  const { address } = sender;
  if (!parts.addresses.enter(address)) {
    parts.events.socketRefused(address);
    return { code: "overloaded", retryAfterSeconds: RETRY_AFTER_SECONDS };
  }
  exchange.addressSlot = address;
  return undefined;
}
