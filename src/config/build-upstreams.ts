import { at, type Problem } from "../domain/problem.ts";
import type { UpstreamConfig } from "./config.ts";
import { type UpstreamFile, type UpstreamOption, upstreamDefaults } from "./upstream-schema.ts";

/** The upstreams by name, each with a complete set of options. */
export function buildUpstreams(option: UpstreamOption, problems: Problem[]): readonly UpstreamConfig[] {
  const upstreams = nameUpstreams(option).map(([name, file]) => buildUpstream(name, file));
  if (upstreams.length === 0) {
    const mend = "write an address like http://127.0.0.1:9000";
    problems.push({ path: "upstream", reason: "names no upstream", mend });
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

function buildUpstream(name: string, file: UpstreamFile): UpstreamConfig {
  const { url, host, pathPrefix, headers, maxConnections } = file;
  return {
    name,
    url,
    host,
    pathPrefix,
    headers,
    connectTimeoutMs: file.connectTimeout,
    headersTimeoutMs: file.headersTimeout,
    bodyTimeoutMs: file.bodyTimeout,
    maxConnections,
  };
}

/** Two upstreams for the same requests: one of them would never be called. */
function findConflicts(upstreams: readonly UpstreamConfig[], problems: Problem[]): void {
  const seen = new Map<string, string>();
  for (const { name, host, pathPrefix } of upstreams) {
    const key = `${host ?? "any host"}, ${pathPrefix ?? "any path"}`;
    const other = seen.get(key);
    if (other !== undefined) {
      problems.push({
        path: at("upstream", name),
        reason: `is chosen for the same requests as ${other} (${key})`,
        mend: "give one of them another host or pathPrefix",
      });
    }
    seen.set(key, name);
  }
}
