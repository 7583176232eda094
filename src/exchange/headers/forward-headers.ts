import { isOurHeader, NEVER_FORWARDED } from "../../domain/never-forwarded.ts";
import { withoutSessions } from "../../domain/sessions/session-cookie.ts";
import { headerName } from "./header-name.ts";

export interface ForwardRules {
  /** Lower-case, hyphenated names that are removed: the contract's key headers and those an upstream's credentials set. */
  readonly removed: ReadonlySet<string>;
  /** The upstream's credentials, as a flat list of names and values. */
  readonly credentials: readonly string[];
}

/** Computed once per upstream. */
export function createForwardRules(
  keyHeaders: readonly string[],
  credentials: Readonly<Record<string, string>>,
): ForwardRules {
  const removed = new Set(NEVER_FORWARDED);
  for (const name of [...keyHeaders, ...Object.keys(credentials)]) removed.add(headerName(name).plain);
  return { removed, credentials: Object.entries(credentials).flat() };
}

/** What of this request changes the list. */
export interface ForwardFacts {
  readonly connectionNames: readonly string[];
  /** What takes the place of the client's `Accept-Encoding`, where the body of the response is read by us; undefined: nothing. */
  readonly acceptEncoding: string | undefined;
  /** Counted or stored responses must be whole: `Range` and `If-Range` are removed. */
  readonly wholeResponse: boolean;
  /** Ours, set last: names and values. */
  readonly own: readonly string[];
}

/**
 * The headers that the upstream receives: the client's, in order and spelling, without what must not pass; then the
 * upstream's credentials and ours.
 */
export function forwardHeaders(
  rawHeaders: readonly string[],
  rules: ForwardRules,
  facts: ForwardFacts,
): string[] {
  const forwarded: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const { lower, plain } = headerName(name);
    if (!isForwarded(plain, rules)) continue;
    if (facts.connectionNames.length > 0 && facts.connectionNames.includes(lower)) continue;
    if (facts.acceptEncoding !== undefined && plain === "accept-encoding") continue;
    if (facts.wholeResponse && (plain === "range" || plain === "if-range")) continue;
    const value = rawHeaders[i + 1] ?? "";
    const passed = lower === "cookie" ? withoutSessions(value) : value;
    if (passed !== undefined) forwarded.push(name, passed);
  }
  if (facts.acceptEncoding !== undefined) forwarded.push("accept-encoding", facts.acceptEncoding);
  for (const text of rules.credentials) forwarded.push(text);
  for (const text of facts.own) forwarded.push(text);
  return forwarded;
}

/** Whether a client's header is passed on, by its lower-case, hyphenated name. */
export function isForwarded(plainName: string, { removed }: Pick<ForwardRules, "removed">): boolean {
  return !removed.has(plainName) && !isOurHeader(plainName);
}
