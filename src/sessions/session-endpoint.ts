import { hash, randomBytes } from "node:crypto";
import type { z } from "zod";
import { formatId, ID_RANDOM_BYTES } from "../domain/ids.ts";
import { findForgery } from "../domain/sessions/browser-request.ts";
import { type Pages, readSessionCookie, renderSessionCookie } from "../domain/sessions/session-cookie.ts";
import type { Database } from "../ledger/database/database.ts";
import {
  endSession,
  type NewSession,
  type SessionTable,
  type SessionTimes,
} from "../ledger/sessions/session-rows.ts";
import type { BrowserAnswer, BrowserRequest } from "../pages/browser-request.ts";
import { answerProblem } from "./problem-answer.ts";
import { SignInLimit } from "./sign-in-limit.ts";

/** The random bytes of a session's text. */
const TEXT_BYTES = 32;

/** The text of a session that begins, which its cookie alone has, and what of it is stored. */
export interface FreshSession {
  readonly text: string;
  readonly row: NewSession;
}

/** Whose sessions they are: customers' or operators'. What is the same for both is in {@link SessionEndpoint}. */
export interface SessionUser<Asked, Signed> {
  readonly pages: Pages;
  readonly table: SessionTable;
  /** Pages of other sites show these in a frame. */
  readonly isFramed: boolean;
  /** What a page signs in with. */
  readonly asked: z.ZodType<Asked>;
  /** The same in words. */
  readonly askedWords: string;
  /** Stores the session if who asks may have one; else why not. */
  begin(asked: Asked, fresh: FreshSession, request: BrowserRequest): Promise<Signed | BrowserAnswer>;
  /** Who is signed in by this text now. */
  find(text: string, request: Pick<BrowserRequest, "header" | "address">): Promise<Signed | undefined>;
  /** What the page is told of its session. */
  show(signed: Signed): Promise<object>;
}

export interface SessionOptions {
  readonly database: Database;
  readonly times: SessionTimes;
  /** Host names besides those of the machine itself. */
  readonly hosts: readonly string[];
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

type Head = Pick<BrowserRequest, "method" | "header">;

/** Signs browsers in and out, and says who is signed in: the one mechanism of both pages. docs/decisions/0028 has its rules. */
export class SessionEndpoint<Asked, Signed extends object> {
  readonly #options: SessionOptions;
  readonly #user: SessionUser<Asked, Signed>;
  readonly #limit = new SignInLimit();

  constructor(options: SessionOptions, user: SessionUser<Asked, Signed>) {
    this.#options = options;
    this.#user = user;
  }

  /** Why a request does not come from a page of ours under a name of ours; undefined when it does. */
  findForgery(request: Head): string | undefined {
    return findForgery(request, this.#options.hosts);
  }

  /** The same as an answer. */
  refuseForgery(request: Head): BrowserAnswer | undefined {
    const forgery = this.findForgery(request);
    return forgery === undefined ? undefined : answerProblem("request_forged", `Refused: ${forgery}.`);
  }

  /** Of what another site may send the browser to: only the name by which we were reached must be ours. */
  refuseHost({ method, header }: Head): BrowserAnswer | undefined {
    return this.refuseForgery({ method, header: (name) => (name === "host" ? header(name) : undefined) });
  }

  /** Answers GET, POST and DELETE; its request was seen to come from a page of ours. */
  async answer(request: BrowserRequest): Promise<BrowserAnswer> {
    if (request.method === "POST") return await this.#begin(request);
    if (request.method === "GET") {
      const found = await this.find(request);
      return found === undefined ? refuseMissing() : answerJson(200, await this.#user.show(found.signed), []);
    }
    if (request.method !== "DELETE") {
      return answerProblem("method_not_allowed", "A session answers DELETE, GET, POST.");
    }
    await this.#endBefore(request);
    const headers = [
      ["Set-Cookie", this.#cookieOf(request, "", 0)],
      ["Cache-Control", "no-store"],
    ] as const;
    return { status: 204, headers, body: "" };
  }

  /** Whether a request brings a session along, of whatever worth and under whatever name of ours. */
  hasCookie({ header }: Pick<BrowserRequest, "header">): boolean {
    return (header("cookie") ?? "").includes(`farebox-${this.#user.pages}=`);
  }

  /** The text of a request's session, and who is signed in by it. */
  async find(
    request: Pick<BrowserRequest, "header" | "address">,
  ): Promise<{ readonly text: string; readonly signed: Signed } | undefined> {
    const text = this.#readText(request);
    const signed = text === undefined ? undefined : await this.#user.find(text, request);
    return text === undefined || signed === undefined ? undefined : { text, signed };
  }

  async #begin(request: BrowserRequest): Promise<BrowserAnswer> {
    if (!this.mayTry(request)) {
      return answerProblem("sign_in_limited", "Too many tries to sign in. Try again in a minute.");
    }
    const asked = this.#user.asked.safeParse(parseJson(request.body));
    if (!asked.success) return answerProblem("request_invalid", `Send ${this.#user.askedWords}.`);
    const begun = await this.begin(request, (fresh) => this.#user.begin(asked.data, fresh, request));
    if (isRefusal(begun)) return begun;
    return answerJson(201, await this.#user.show(begun.signed), [["Set-Cookie", begun.cookie]]);
  }

  /** Counts a try to sign in; false: there were too many from this address. */
  mayTry({ address }: Pick<BrowserRequest, "address">): boolean {
    return this.#limit.try(address, this.#options.now());
  }

  /** Begins a session as `begin` stores it, in the place of the one that the browser had. */
  async begin(
    request: BrowserRequest,
    begin: (fresh: FreshSession) => Promise<Signed | BrowserAnswer>,
  ): Promise<{ readonly signed: Signed; readonly cookie: string } | BrowserAnswer> {
    const { times } = this.#options;
    const text = randomBytes(TEXT_BYTES).toString("base64url");
    const sessionId = formatId("session", randomBytes(ID_RANDOM_BYTES));
    const row = { sessionId, hashHex: hash("sha256", text, "hex"), ...times };
    const signed = await begin({ text, row });
    if (isRefusal(signed)) return signed;
    // Whoever was signed in here is not any more.
    await this.#endBefore(request);
    return { signed, cookie: this.#cookieOf(request, text, times.longestSeconds) };
  }

  async #endBefore(request: BrowserRequest): Promise<void> {
    const text = this.#readText(request);
    if (text === undefined) return;
    await endSession(this.#options.database, this.#user.table, hash("sha256", text, "hex"));
  }

  #cookieOf({ header }: BrowserRequest, text: string, seconds: number): string {
    const { pages, isFramed } = this.#user;
    return renderSessionCookie(pages, header("host"), { text, seconds, isFramed });
  }

  #readText({ header }: Pick<BrowserRequest, "header">): string | undefined {
    return readSessionCookie(this.#user.pages, header("host"), header("cookie"));
  }
}

export function refuseMissing(): BrowserAnswer {
  return answerProblem("session_missing", "Nobody is signed in here, or not any more.");
}

function isRefusal(result: object): result is BrowserAnswer {
  return "status" in result;
}

function answerJson(status: number, body: object, headers: BrowserAnswer["headers"]): BrowserAnswer {
  return {
    status,
    headers: [["Content-Type", "application/json"], ["Cache-Control", "no-store"], ...headers],
    body: JSON.stringify(body),
  };
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
