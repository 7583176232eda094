import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { buildConnector } from "undici";
import type { UpstreamConfig } from "../../config/config.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import { connectUpstream } from "./upstream-connector.ts";

interface TlsOptions {
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
}

/** Reads the files that an upstream's `tls` names. Throws FareboxError `certificate_invalid`. */
export function readUpstreamTls({ name, tls }: Pick<UpstreamConfig, "name" | "tls">): TlsOptions {
  if (tls === undefined) return {};
  const options: TlsOptions = {};
  for (const part of ["ca", "cert", "key"] as const) {
    const file = tls[part];
    if (file !== undefined) options[part] = readPem(name, file);
  }
  try {
    createSecureContext(options);
  } catch (error) {
    refuse(name, "the certificates cannot be used", error);
  }
  return tls.serverName === undefined ? options : { ...options, servername: tls.serverName };
}

/** For what speaks to several upstreams: each is connected to by its own options. Throws FareboxError `certificate_invalid`. */
export function connectByOrigin(upstreams: readonly UpstreamConfig[]): buildConnector.connector {
  const connectors = new Map<string, buildConnector.connector>();
  for (const upstream of upstreams) {
    const { origin } = new URL(upstream.url);
    if (connectors.has(origin)) continue;
    const timeout = upstream.connectTimeoutMs;
    connectors.set(origin, connectUpstream({ ...readUpstreamTls(upstream), timeout, allowH2: false }));
  }
  const other = connectUpstream({ allowH2: false });
  return (target, callback) => {
    const { origin } = new URL(`${target.protocol}//${target.host ?? target.hostname}`);
    (connectors.get(origin) ?? other)(target, callback);
  };
}

function readPem(name: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    return refuse(name, `${file} cannot be read`, error);
  }
}

function refuse(name: string, reason: string, error: unknown): never {
  const why = error instanceof Error ? error.message : String(error);
  throw new FareboxError("certificate_invalid", `The upstream ${name}: ${reason}: ${why}`, {
    detail: { upstream: name, fix: "Name certificates and keys in PEM, which this process may read." },
  });
}
