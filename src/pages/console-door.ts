import type { Operator } from "../domain/operator-role.ts";
import type { BrowserAnswer, BrowserRequest } from "./browser-request.ts";
import type { PageAnswer } from "./page-door.ts";

/**
 * What the operator listener hands the console's requests to, and asks who is signed in: the seam between the operator API and the
 * sessions, which do not know one another.
 */
export interface ConsoleDoor {
  /** `/console`: it and every path below it is answered here, without a token. */
  readonly path: string;
  /** A page, what it loads, or signing in and out. Rejects with faults of the environment. */
  answer(request: BrowserRequest): Promise<PageAnswer | BrowserAnswer>;
  /**
   * Who is signed in at the browser that sent a request to the operator API; undefined: nobody. Throws FareboxError `request_forged`
   * when it has a session and does not come from a page of ours.
   */
  findOperator(request: Pick<BrowserRequest, "method" | "header">): Promise<Operator | undefined>;
}
