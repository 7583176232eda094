import type { Dispatcher } from "undici";
import type { ForwardRules } from "../headers/forward-headers.ts";

/** Who does the work of an admitted request: a server behind the gateway, or a handler in this process. */
export interface Upstream {
  readonly name: string;
  /** Put before the forwarded path; without a final slash. */
  readonly basePath: string;
  /** Takes the call, and tells its handler of the answer. Its `dispatch` does not throw. */
  readonly dispatcher: Pick<Dispatcher, "dispatch">;
  readonly rules: ForwardRules;
  /** Headers of its responses that customers do not get, in lower case; undefined: none. */
  readonly hiddenHeaders: ReadonlySet<string> | undefined;
  /** Calls under way and waiting may not exceed this. */
  readonly maxCalls: number;
  /** Calls under way and waiting. */
  calls: number;
}

/** Chooses who does the work. */
export interface Upstreams {
  /** By the request's host and path; undefined when there is none. */
  choose(host: string | undefined, path: string): Upstream | undefined;
}
