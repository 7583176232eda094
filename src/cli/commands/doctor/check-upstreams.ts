import { request } from "undici";
import type { UpstreamConfig } from "../../../config/config.ts";
import { openUpstreamAgent } from "../../../server/upstream-agent.ts";
import type { Finding } from "./finding.ts";

/** A provider's API that needs longer for its root is slow, not down; the request may still time out in the gateway. */
const PATIENCE_MS = 5_000;

/** Asks each upstream for its root. Any answer will do: what it says is the provider's business. */
export async function checkUpstreams(upstreams: readonly UpstreamConfig[]): Promise<Finding[]> {
  return await Promise.all(upstreams.map((upstream) => checkUpstream(upstream)));
}

async function checkUpstream(upstream: UpstreamConfig): Promise<Finding> {
  const { name, url } = upstream;
  const check = `upstream ${name}`;
  try {
    const status = await askRoot(upstream);
    return { check, state: "ok", text: `${url} answers (HEAD / is ${status}).` };
  } catch (error) {
    return {
      check,
      state: "fail",
      text: `${url} cannot be reached: ${reasonOf(error)}.`,
      fix: "Start it, or correct `upstream` in the configuration. Until then requests are answered 502, free.",
    };
  }
}

/** By the authorities and with the certificate that the gateway has for it. */
async function askRoot(upstream: UpstreamConfig): Promise<number> {
  const agent = openUpstreamAgent([upstream]);
  try {
    const { statusCode, body } = await request(upstream.url, {
      method: "HEAD",
      dispatcher: agent,
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    await body.dump();
    return statusCode;
  } finally {
    await agent.destroy();
  }
}

/** Of several addresses each has a reason of its own. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof AggregateError) return cause.errors.map((one) => reasonOf(one)).join("; ");
  return cause instanceof Error ? cause.message : String(cause);
}
