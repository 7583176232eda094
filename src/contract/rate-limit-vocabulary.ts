import { formatDuration } from "../domain/duration.ts";
import type { RateLimitState } from "../domain/refusal.ts";
import type { RenderContext } from "./contract.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { entry, momentEntries } from "./vocabulary-entries.ts";

/** The state of a limit while a header is rendered. */
export interface RateLimitFacts {
  readonly state: RateLimitState;
  readonly context: RenderContext;
}

const WINDOW_NAMES: ReadonlyMap<number, string> = new Map([
  [1, "second"],
  [60, "minute"],
  [3600, "hour"],
  [86_400, "day"],
]);

function nameWindow(seconds: number): string {
  return WINDOW_NAMES.get(seconds) ?? formatDuration(seconds);
}

/** What is said of a limit: in headers, and in the refusal of what is above it. */
export const rateLimitStateEntries = <Facts extends { readonly context: RenderContext }>(
  read: (facts: Facts) => RateLimitState,
): Vocabulary<Facts> => ({
  limit: entry("requests allowed in a window", (facts: Facts) => Math.floor(read(facts).limit)),
  remaining: entry("requests left in the window, never below 0", (facts: Facts) =>
    Math.max(0, Math.floor(read(facts).remaining)),
  ),
  windowSeconds: entry("the window's length in seconds", (facts: Facts) =>
    Math.ceil(read(facts).windowSeconds),
  ),
  windowName: entry("the window in a word: `second`, `minute`, `hour`, `day`, else `15m`", (facts: Facts) =>
    nameWindow(Math.ceil(read(facts).windowSeconds)),
  ),
  resetSeconds: entry("seconds until requests are accepted again, rounded up", (facts: Facts) =>
    Math.max(0, Math.ceil(read(facts).resetSeconds)),
  ),
  // Rounded up to whole seconds: a client that comes back at the moment told is never early.
  ...momentEntries<Facts>("reset", "the moment at which requests are accepted again", (facts) => {
    const resetMs = facts.context.nowMs + Math.max(0, read(facts).resetSeconds) * 1000;
    return Math.ceil(resetMs / 1000) * 1000;
  }),
});

/** Placeholders of the rate-limit headers. */
export const rateLimitVocabulary: Vocabulary<RateLimitFacts> = rateLimitStateEntries((facts) => facts.state);
