import { Pool } from "undici";
import type { GatewayLimits, UpstreamConfig } from "../../config/config.ts";
import { createForwardRules } from "../../exchange/headers/forward-headers.ts";
import type { Upstream, Upstreams } from "../../exchange/parts/upstream.ts";
import { connectUpstream } from "./upstream-connector.ts";
import { readUpstreamTls } from "./upstream-tls.ts";

/** Calls that may wait for a free connection, as a multiple of the connections: more would only time out in the queue. */
const QUEUE_FACTOR = 8;

/** The configured upstreams, each with its connections. */
export interface PooledUpstreams extends Upstreams {
  /** Breaks the calls under way. */
  destroy(): Promise<void>;
}

/** Opens a pool of connections to each upstream; nothing is connected before the first call. */
export function createUpstreams(
  configs: readonly UpstreamConfig[],
  keyHeaders: readonly string[],
  limits: GatewayLimits,
): PooledUpstreams {
  const entries = configs.map((config) => {
    const pool = openPool(config, limits);
    return { config, pool, upstream: describeUpstream(config, pool, keyHeaders) };
  });
  const fallback = entries.findLast(({ config }) => isDefault(config))?.upstream;
  const chosen = entries.filter(({ config }) => !isDefault(config));
  return {
    choose(host, path) {
      if (chosen.length === 0) return fallback;
      const name = host === undefined ? undefined : hostName(host);
      return chosen.find(({ config }) => fits(config, name, path))?.upstream ?? fallback;
    },
    async destroy() {
      await Promise.all(entries.map(({ pool }) => pool.destroy()));
    },
  };
}

function openPool(config: UpstreamConfig, limits: GatewayLimits): Pool {
  return new Pool(new URL(config.url).origin, {
    connections: config.maxConnections,
    pipelining: 1,
    // By HTTP/2 a fault of one connection hits all requests on it: only where the configuration says so.
    allowH2: config.http2 === true,
    connect: connectUpstream({
      ...readUpstreamTls(config),
      timeout: config.connectTimeoutMs,
      allowH2: config.http2 === true,
    }),
    headersTimeout: config.headersTimeoutMs,
    bodyTimeout: config.bodyTimeoutMs,
    maxHeaderSize: limits.maxHeaderBytes,
  });
}

function describeUpstream(config: UpstreamConfig, dispatcher: Pool, keyHeaders: readonly string[]): Upstream {
  return {
    name: config.name,
    basePath: new URL(config.url).pathname.replace(/\/+$/, ""),
    dispatcher,
    rules: createForwardRules(keyHeaders, config.headers),
    hiddenHeaders: config.hiddenHeaders?.length ? new Set(config.hiddenHeaders) : undefined,
    maxCalls: config.maxConnections * QUEUE_FACTOR,
    calls: 0,
  };
}

function isDefault(config: UpstreamConfig): boolean {
  return config.host === undefined && config.pathPrefix === undefined;
}

function fits(config: UpstreamConfig, host: string | undefined, path: string): boolean {
  if (config.host !== undefined && config.host.toLowerCase() !== host) return false;
  if (config.pathPrefix === undefined) return true;
  const prefix = config.pathPrefix.replace(/\/+$/, "");
  // Letter case is folded as it is for prices: a path must not reach another upstream than the one it was priced for.
  const start = path.slice(0, prefix.length).toLowerCase();
  return start === prefix.toLowerCase() && (path.length === prefix.length || path[prefix.length] === "/");
}

/** The host without its port, in lower case. */
function hostName(host: string): string {
  return host.replace(/:\d+$/, "").toLowerCase();
}
