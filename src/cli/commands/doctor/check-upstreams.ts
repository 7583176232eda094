import type { UpstreamConfig } from "../../../config/config.ts";
import type { Finding } from "./finding.ts";

/** A provider's API that needs longer for its root is slow, not down; the request may still time out in the gateway. */
const PATIENCE_MS = 5_000;

/** Asks each upstream for its root. Any answer will do: what it says is the provider's business. */
export function checkUpstreams(upstreams: readonly UpstreamConfig[]): Promise<Finding[]> {
  return Promise.all(upstreams.map((upstream) => checkUpstream(upstream)));
}

async function checkUpstream({ name, url }: UpstreamConfig): Promise<Finding> {
  const check = `upstream ${name}`;
  try {
    const { status } = await fetch(url, {
      method: "HEAD",
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return { check, state: "ok", text: `${url} answers (HEAD / is ${status}).` };
  } catch (error) {
    return {
      check,
      state: "fail",
      text: `${url} cannot be reached: ${reasonOf(error)}.`,
      mend: "Start it, or correct `upstream` in the configuration. Until then requests are answered 502, free.",
    };
  }
}

/** fetch says "fetch failed"; why is in its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof AggregateError) return cause.errors.map((one) => reasonOf(one)).join("; ");
  return cause instanceof Error ? cause.message : String(cause);
}
