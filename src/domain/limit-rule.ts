/** A request limit: at most so many requests, or results, in a window. */
export interface LimitRule {
  /** `"GET /account/credits"`, or `"*"`: all requests are counted together. */
  readonly match: string;
  /** How many; of what, `counts` says. */
  readonly requests: number;
  readonly windowSeconds: number;
  /** Whose requests are counted together. */
  readonly by: "account" | "key";
  /**
   * Undefined: each request is one. `results`: as many as its answer was priced for, and at least one. Until it is
   * settled, what it may return at most counts.
   */
  readonly counts?: "results" | undefined;
}
