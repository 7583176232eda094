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
   * Undefined: each request is one. `results`: as many as its answer was priced for, and at least one. A request is let through as one;
   * its further results are known, and counted, when it is settled.
   */
  readonly counts?: "results" | undefined;
}
