import type { AccountAnswer } from "../contract/account-endpoint.ts";
import type { RenderContext } from "../contract/contract.ts";

/** A request of a browser to the portal: signing in and out, and the customer API for who is signed in. */
export interface PortalRequest {
  /** HEAD arrives as GET; the gateway leaves the body away. */
  readonly method: string;
  /** Normalised. */
  readonly path: string;
  /** With its question mark, or `""`. */
  readonly query: string;
  readonly header: (name: string) => string | undefined;
  /** UTF-8 text; `""` without a body. */
  readonly body: string;
  /** The client's address, by which signing in is limited. */
  readonly address: string;
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
