import { z } from "zod";
import type { OidcConfig } from "../../config/config.ts";
import type { Operator } from "../../domain/operator-role.ts";
import { readSessionCookie, renderAttemptCookie } from "../../domain/sessions/session-cookie.ts";
import type { BrowserAnswer, BrowserRequest } from "../../pages/browser-request.ts";
import type { Unknown } from "./find-person.ts";
import { OidcProvider } from "./oidc-provider.ts";

/** As long as somebody may take at the provider. */
const ATTEMPT_SECONDS = 600;

const attemptSchema = z.strictObject({ state: z.string(), nonce: z.string(), verifier: z.string() });

export interface OidcOptions {
  readonly oidc: OidcConfig;
  /** `/console` */
  readonly path: string;
  /** Told why somebody was not let in, for the log: the page says it in general words. */
  readonly refused: (reason: string) => void;
  /** Counts a try; false: there were too many from this address. */
  readonly mayTry: (request: BrowserRequest) => boolean;
}

/** Begins a person's session; the answer is why not, or its cookie. */
type BeginSession = (operator: Operator) => Promise<{ readonly cookie: string } | BrowserAnswer>;

/** What the sign-in page is told; it has words for each. */
type RefusedCode = Unknown["code"] | "sign_in_expired" | "sign_in_limited";

/**
 * Sends browsers to the provider and takes them back. What belongs together is in a cookie of the browser that began, so that the
 * provider's answer is good in that browser alone, at any instance, and once: the provider takes a code one time.
 */
export class OidcSignIn {
  readonly #options: OidcOptions;
  readonly #provider: OidcProvider;

  constructor(options: OidcOptions) {
    this.#options = options;
    this.#provider = new OidcProvider(options.oidc);
  }

  /** `<console>/oidc` */
  async begin(request: BrowserRequest): Promise<BrowserAnswer> {
    if (!this.#options.mayTry(request)) return this.#refuse(request, "sign_in_limited", "too many tries");
    try {
      const { address, attempt } = await this.#provider.begin(this.#redirectOf(request));
      const text = Buffer.from(JSON.stringify(attempt)).toString("base64url");
      return redirect(address, renderAttemptCookie(request.header("host"), text, ATTEMPT_SECONDS));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return this.#refuse(request, "provider_unreachable", reason);
    }
  }

  /** `<console>/oidc/callback`: what the provider sends the browser back to. */
  async finish(request: BrowserRequest, begin: BeginSession): Promise<BrowserAnswer> {
    const attempt = readAttempt(request);
    if (attempt === undefined) {
      return this.#refuse(request, "sign_in_expired", "this browser did not begin it, or too long ago");
    }
    const answered = new URL(this.#redirectOf(request) + request.query);
    const found = await this.#provider.finish(answered, attempt);
    if ("code" in found) return this.#refuse(request, found.code, found.reason);
    const begun = await begin(found);
    if ("status" in begun) return begun;
    return redirect(`${this.#options.path}/`, begun.cookie, endAttempt(request));
  }

  #redirectOf({ header }: BrowserRequest): string {
    const { oidc, path } = this.#options;
    return `${oidc.origin ?? `http://${header("host") ?? ""}`}${path}/oidc/callback`;
  }

  /** Back to the sign-in page, which says it. */
  #refuse(request: BrowserRequest, code: RefusedCode, reason: string): BrowserAnswer {
    this.#options.refused(reason);
    return redirect(`${this.#options.path}/#refused=${code}`, endAttempt(request));
  }
}

function readAttempt({ header }: BrowserRequest): z.infer<typeof attemptSchema> | undefined {
  const text = readSessionCookie("oidc", header("host"), header("cookie"));
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    return attemptSchema.safeParse(value).data;
  } catch {
    return undefined;
  }
}

function endAttempt({ header }: BrowserRequest): string {
  return renderAttemptCookie(header("host"), "", 0);
}

function redirect(location: string, ...cookies: readonly string[]): BrowserAnswer {
  return {
    status: 303,
    headers: [
      ["Location", location],
      ["Cache-Control", "no-store"],
      ["Referrer-Policy", "no-referrer"],
      ...cookies.map((cookie) => ["Set-Cookie", cookie] as const),
    ],
    body: "",
  };
}
