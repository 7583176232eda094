import { dirname, resolve } from "node:path";
import { at, type Problem } from "../domain/problem.ts";
import type { UpstreamConfig, UpstreamTls } from "./config.ts";
import { type UpstreamFile, type UpstreamOption, upstreamDefaults } from "./sections/upstream-schema.ts";

/** The upstreams by name, each with a complete set of options; none where the file names none. */
export function buildUpstreams(
  option: UpstreamOption | undefined,
  configFile: string,
  problems: Problem[],
): readonly UpstreamConfig[] {
  if (option === undefined) return [];
  const named = nameUpstreams(option);
  const upstreams = named.map(([name, file]) => buildUpstream(name, file, configFile));
  findPlainTls(option, upstreams, problems);
  if (upstreams.length === 0) {
    const fix = "write an address like http://127.0.0.1:9000";
    problems.push({ path: "upstream", reason: "names no upstream", fix });
  }
  findConflicts(upstreams, problems);
  return upstreams;
}

function nameUpstreams(option: UpstreamOption): readonly (readonly [string, UpstreamFile])[] {
  if (typeof option === "string") return [["default", { ...upstreamDefaults(), url: option }]];
  return isSingle(option) ? [["default", option]] : Object.entries(option);
}

function isSingle(option: Exclude<UpstreamOption, string>): option is UpstreamFile {
  return typeof option["url"] === "string";
}

/** What is said of TLS to an upstream without it would never be used. */
function findPlainTls(
  option: UpstreamOption,
  upstreams: readonly UpstreamConfig[],
  problems: Problem[],
): void {
  for (const { name, url, tls, http2 } of upstreams) {
    if (url.startsWith("https:") || (tls === undefined && http2 !== true)) continue;
    const place = typeof option !== "string" && isSingle(option) ? "upstream" : at("upstream", name);
    problems.push({
      path: at(place, tls === undefined ? "http2" : "tls"),
      reason: `is for an https:// address, and the address is ${url}`,
      fix: "write https://, or remove it",
    });
  }
}

function buildTls(file: UpstreamFile["tls"], configFile: string): UpstreamTls | undefined {
  if (file === undefined) return undefined;
  const locate = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolve(dirname(configFile), path);
  const { ca, cert, key, serverName } = file;
  return { ca: locate(ca), cert: locate(cert), key: locate(key), serverName };
}

function buildUpstream(name: string, file: UpstreamFile, configFile: string): UpstreamConfig {
  const { url, host, pathPrefix, headers, maxConnections } = file;
  return {
    name,
    url,
    host,
    pathPrefix,
    headers,
    ...(file.hiddenHeaders.length === 0
      ? {}
      : { hiddenHeaders: file.hiddenHeaders.map((header) => header.toLowerCase()) }),
    tls: buildTls(file.tls, configFile),
    http2: file.http2,
    connectTimeoutMs: file.connectTimeout,
    headersTimeoutMs: file.headersTimeout,
    bodyTimeoutMs: file.bodyTimeout,
    maxConnections,
  };
}

/** The first upstream that fits is chosen, and the one without host and prefix last: some would never be called. */
function findConflicts(upstreams: readonly UpstreamConfig[], problems: Problem[]): void {
  for (const [index, upstream] of upstreams.entries()) {
    const earlier = upstreams.slice(0, index).find((other) => covers(other, upstream));
    if (earlier === undefined) continue;
    problems.push({
      path: at("upstream", upstream.name),
      reason: `is never chosen: ${earlier.name} comes first and fits the same requests`,
      fix: "put it first, or give it another host or pathPrefix",
    });
  }
}

function covers(first: UpstreamConfig, later: UpstreamConfig): boolean {
  if (isDefault(first) || isDefault(later)) return isDefault(first) && isDefault(later);
  if (first.host !== undefined && first.host !== later.host) return false;
  return first.pathPrefix === undefined || `${later.pathPrefix ?? ""}/`.startsWith(`${first.pathPrefix}/`);
}

function isDefault({ host, pathPrefix }: UpstreamConfig): boolean {
  return host === undefined && pathPrefix === undefined;
}
