/** A request limit: at most so many requests in a window. */
export interface LimitRule {
  /** `"GET /account/credits"`, or `"*"`: all requests are counted together. */
  readonly match: string;
  readonly requests: number;
  readonly windowSeconds: number;
  /** Whose requests are counted together. */
  readonly by: "account" | "key";
}
