import { parseDuration } from "../domain/duration.ts";
import { type MatchPattern, parseMatchPattern } from "../domain/match-pattern.ts";
import { at, type Problem } from "../domain/problem.ts";
import type { LimitRule } from "./config.ts";
import type { ConfigFile } from "./schema.ts";

const NAMED_SECONDS: ReadonlyMap<string, number> = new Map([
  ["second", 1],
  ["minute", 60],
  ["hour", 3600],
  ["day", 86_400],
]);

/** Counters are kept for two windows; longer ones are quotas, which plans are for. */
const MAX_WINDOW_SECONDS = 31 * 86_400;

export function buildLimits(option: ConfigFile["limits"], problems: Problem[]): readonly LimitRule[] {
  return option.map((file, index) => {
    const path = at("limits", index);
    parseMatchPattern(file.match, at(path, "match"), problems);
    const windowSeconds = NAMED_SECONDS.get(file.per) ?? parseDuration(file.per);
    if (windowSeconds === undefined || windowSeconds > MAX_WINDOW_SECONDS) {
      problems.push({
        path: at(path, "per"),
        reason: `"${file.per}" is not a window of at most 31 days`,
        mend: "write second, minute, hour, day or a duration: 10s, 15m",
      });
    }
    return { match: file.match, requests: file.requests, windowSeconds: windowSeconds ?? 1, by: file.by };
  });
}

/** The open endpoints, each checked. The patterns are for the check against the prices. */
export function readOpen(
  option: ConfigFile["open"],
  problems: Problem[],
): readonly (MatchPattern | undefined)[] {
  return option.map((match, index) => parseMatchPattern(match, at("open", index), problems));
}
