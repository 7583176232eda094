import { Agent } from "undici";
import type { UpstreamConfig } from "../config/config.ts";
import { connectByOrigin } from "../gateway/upstreams/upstream-tls.ts";

/** Speaks to every upstream by its own authorities and certificate, beside the gateway. Throws FareboxError `certificate_invalid`. */
export function openUpstreamAgent(upstreams: readonly UpstreamConfig[]): Agent {
  return new Agent({ connections: null, connect: connectByOrigin(upstreams) });
}
