import { Pool } from "undici";
import type { GatewayLimits, UpstreamConfig } from "../../config/config.ts";
import { createForwardRules, type ForwardRules } from "../headers/forward-headers.ts";
import { connectUpstream } from "./upstream-connector.ts";
import { readUpstreamTls } from "./upstream-tls.ts";

/** Calls that may wait for a free connection, as a multiple of the connections: more would only time out in the queue. */
const QUEUE_FACTOR = 8;

/** One upstream: its connections and what is sent with every call. */
export interface Upstream {
  readonly name: string;
  /** `http://host:port`. */
  readonly origin: string;
  /** The configured URL's path without a final slash: put before the forwarded path. */
  readonly basePath: string;
  readonly pool: Pool;
  readonly rules: ForwardRules;
  /** Headers of its responses that customers do not get, in lower case; undefined: none. */
  readonly hiddenHeaders: ReadonlySet<string> | undefined;
  /** Calls under way and waiting may not exceed this. */
  readonly maxCalls: number;
  /** Calls under way and waiting. */
  calls: number;
}

/** Chooses among the configured upstreams. */
export interface Upstreams {
  /** The first whose host or path prefix fits, else the default; undefined when there is none. */
  choose(host: string | undefined, path: string): Upstream | undefined;
  /** Waits for calls under way. */
  close(): Promise<void>;
  /** Breaks them. */
  destroy(): Promise<void>;
}

/** Opens a pool of connections to each upstream; nothing is connected before the first call. */
export function createUpstreams(
  configs: readonly UpstreamConfig[],
  keyHeaders: readonly string[],
  limits: GatewayLimits,
): Upstreams {
  const entries = configs.map((config) => ({ config, upstream: openUpstream(config, keyHeaders, limits) }));
  const fallback = entries.findLast(({ config }) => isDefault(config))?.upstream;
  const chosen = entries.filter(({ config }) => !isDefault(config));
  return {
    choose(host, path) {
      if (chosen.length === 0) return fallback;
      const name = host === undefined ? undefined : hostName(host);
      return chosen.find(({ config }) => fits(config, name, path))?.upstream ?? fallback;
    },
    async close() {
      await Promise.all(entries.map(({ upstream }) => upstream.pool.close()));
    },
    async destroy() {
      await Promise.all(entries.map(({ upstream }) => upstream.pool.destroy()));
    },
  };
}

function openUpstream(
  config: UpstreamConfig,
  keyHeaders: readonly string[],
  limits: GatewayLimits,
): Upstream {
  const url = new URL(config.url);
  const pool = new Pool(url.origin, {
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
  return {
    name: config.name,
    origin: url.origin,
    basePath: url.pathname.replace(/\/+$/, ""),
    pool,
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
