import type { ExchangeEvents } from "../exchange/parts/exchange-events.ts";
import type { CertificateEvents } from "./listener/certificate.ts";

/** What operators want to know of the gateway: of its exchanges, and of those who did not get that far. Implemented by telemetry. */
export interface GatewayEvents extends ExchangeEvents, CertificateEvents {
  /** Bytes that are no HTTP request, or a head that came too late. */
  clientBroken(code: string): void;
}
