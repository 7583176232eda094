import { createGateway, type Gateway } from "../gateway/create-gateway.ts";
import { type ExchangeSettings, openExchange } from "./open-exchange.ts";
import type { Instance, ProcessParts } from "./open-instance.ts";

/** The gateway, which the caller closes. Rejects as {@link openExchange}, and with what is wrong with the certificate. */
export async function openGateway(
  parts: ProcessParts,
  instance: Instance,
  settings: ExchangeSettings,
): Promise<Gateway> {
  return createGateway(await openExchange(parts, instance, settings));
}
