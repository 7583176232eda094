import type { KeyScopes } from "../domain/keys/key-scopes.ts";
import type { Refusal } from "../domain/refusal.ts";
import type { RenderContext, RenderedAnswer } from "./contract.ts";

/** The portal session that a request came with. */
export interface AccountSession {
  readonly sessionId: string;
  /** `read` changes nothing and pays for nothing. */
  readonly access: "read" | "manage";
  /** SHA-256, in hex, of the key's text that it was signed in with; null: a link. */
  readonly keyHashHex: string | null;
}

/** A request about the caller's own account, as the gateway hands it on: its key was good and its rate limit not used up. */
export interface AccountRequest {
  readonly accountId: string;
  readonly shard: number;
  /** The key that the request came with, or that its session was signed in with; undefined: the session came from a link. */
  readonly keyId: string | undefined;
  /** The endpoints that the key may call; undefined: every one. */
  readonly scopes: KeyScopes | undefined;
  /**
   * The key's text, or the session's. It is in no answer, and not in the database: what is sealed with it only its holder can
   * read.
   */
  readonly keyText: string;
  /** What the ledger knows the text by. Set where the forms of keys are known. */
  readonly keyHashHex?: string | undefined;
  /** Undefined: the request came with a key. */
  readonly session?: AccountSession | undefined;
  /** HEAD arrives as GET; the gateway leaves the body away. */
  readonly method: string;
  /** Normalised, with the prefix. */
  readonly path: string;
  /** With its question mark, or `""`. */
  readonly query: string;
  /** Reads a header by its lower-case name. */
  readonly header: (name: string) => string | undefined;
  /** UTF-8 text; `""` without a body. */
  readonly body: string;
  /** For refusals, which the contract renders. */
  readonly context: RenderContext;
}

/** The answer. A body in parts is written as fast as the client takes it. */
export interface AccountAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | AsyncIterable<string>;
  /** The refusal that it words; undefined: it is none. */
  readonly refusal?: Refusal | undefined;
}

/**
 * What answers customers about their own account on the gateway. The seam between the two doors, which do not know one
 * another: the gateway knows keys, limits and sockets, the API knows the account.
 */
export interface AccountEndpoints {
  /** Whether a path is one of these: then it is never forwarded and never priced. */
  covers(path: string): boolean;
  /** The answer to a request that needs no key; undefined where one is needed. */
  findOpen(method: string, path: string): RenderedAnswer | undefined;
  /** The methods that a path answers; none: there is no such path. */
  listMethods(path: string): readonly string[];
  /** Whether every key may call it, whatever its scopes. */
  isForEveryKey(method: string, path: string): boolean;
  /** Refusals are answers too. Rejects with what is no refusal: the environment's faults and broken invariants. */
  answer(request: AccountRequest): Promise<AccountAnswer>;
}
