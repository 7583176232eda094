import type { AccountAnswer } from "../contract/account-endpoint.ts";
import type { RenderContext } from "../contract/contract.ts";
import type { BrowserRequest } from "./browser-request.ts";

/** A request of a browser to the portal: signing in and out, and the customer API for who is signed in. */
export interface PortalRequest extends BrowserRequest {
  readonly context: RenderContext;
}

/** The answer, and whose statement it is when it comes in parts. */
export interface PortalAnswer extends AccountAnswer {
  readonly accountId?: string | undefined;
}

/** What the gateway hands the portal's requests to: the seam between the two doors, which do not know one another. */
export interface PortalDoor {
  /** Whether a path is the portal's own, and no page of it. */
  covers(path: string): boolean;
  /** Refusals are answers too. Rejects with faults of the environment and broken invariants. */
  answer(request: PortalRequest): Promise<PortalAnswer>;
}
