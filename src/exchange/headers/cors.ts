import type { CorsConfig } from "../../config/config.ts";
import type { HeaderList } from "./response-headers.ts";

/** Of our own answers, besides the contract's. Pages read no other than a few that are always readable (`Content-Type`). */
const EXPOSED = [
  "X-Request-Id",
  "Retry-After",
  "Idempotency-Replayed",
  "WWW-Authenticate",
  "Allow",
  "Location",
  "ETag",
  "Accept-Ranges",
  "Content-Range",
  "Content-Disposition",
  "Repr-Digest",
];

const TOKENS = /^[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*$/;

/** What browsers are told of pages of other origins (the Fetch standard, section 3.3). */
export class Cors {
  readonly #names: ReadonlySet<string>;
  /** `["https://", ".example.com"]` of `https://*.example.com`. */
  readonly #below: readonly (readonly [string, string])[];
  readonly #isForAll: boolean;
  readonly #credentials: boolean;
  readonly #exposed: readonly string[];
  readonly #maxAge: string;

  /** `contractHeaders`: lower-case names of the headers that tell credits and limits. */
  constructor(config: CorsConfig, contractHeaders: readonly string[]) {
    const { origins, credentials, exposeHeaders, maxAgeSeconds } = config;
    this.#names = new Set(origins.filter((origin) => !origin.includes("*")));
    this.#below = origins
      .filter((origin) => origin.includes("*."))
      .map((origin) => {
        const [scheme = "", rest = ""] = origin.split("*");
        return [scheme, rest] as const;
      });
    this.#isForAll = origins.includes("*");
    this.#credentials = credentials;
    this.#exposed = [...contractHeaders, ...EXPOSED, ...exposeHeaders];
    this.#maxAge = String(maxAgeSeconds);
  }

  /** Whether pages of this origin may call and read; `origin` is the request's `Origin`. */
  allows(origin: string): boolean {
    if (this.#isForAll || this.#names.has(origin)) return true;
    return this.#below.some(
      ([scheme, rest]) =>
        origin.length > scheme.length + rest.length && origin.startsWith(scheme) && origin.endsWith(rest),
    );
  }

  /**
   * Makes an answer readable to the pages that may read it. Where an upstream answers browsers itself, ours takes the place
   * of its own: two `Access-Control-Allow-Origin` are none. What it exposes stays exposed.
   */
  extend(headers: HeaderList, origin: string | undefined): void {
    const exposed = this.#takeAway(headers);
    // Without it a cache would hand the answer to a page of one origin to pages of others.
    if (!this.#isForAll) addVary(headers, "Origin");
    if (this.#isForAll && !this.#credentials) headers.push("Access-Control-Allow-Origin", "*");
    else if (origin === undefined || !this.allows(origin)) return;
    else headers.push("Access-Control-Allow-Origin", origin);
    if (this.#credentials) headers.push("Access-Control-Allow-Credentials", "true");
    const known = new Set(exposed.map((name) => name.toLowerCase()));
    const added = this.#exposed.filter((name) => !known.has(name.toLowerCase()));
    headers.push("Access-Control-Expose-Headers", [...exposed, ...added].join(", "));
  }

  /**
   * The headers of the answer to a preflight of an allowed origin, besides those of {@link extend}. Whatever a page wants to
   * send is allowed: keys and prices decide what comes of it.
   */
  preflight(method: string, asked: string | undefined): HeaderList {
    const headers = ["Vary", "Access-Control-Request-Method, Access-Control-Request-Headers"];
    if (TOKENS.test(method)) headers.push("Access-Control-Allow-Methods", method);
    if (asked !== undefined && TOKENS.test(asked)) headers.push("Access-Control-Allow-Headers", asked);
    headers.push("Access-Control-Max-Age", this.#maxAge);
    return headers;
  }

  /** The names that the upstream exposes. What else it says of origins is removed. */
  #takeAway(headers: HeaderList): readonly string[] {
    const exposed: string[] = [];
    let kept = 0;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] ?? "";
      const value = headers[i + 1] ?? "";
      const lower = name.length >= 27 ? name.toLowerCase() : "";
      if (lower === "access-control-allow-origin" || lower === "access-control-allow-credentials") continue;
      if (lower === "access-control-expose-headers") {
        exposed.push(...splitNames(value));
        continue;
      }
      headers[kept] = name;
      headers[kept + 1] = value;
      kept += 2;
    }
    headers.length = kept;
    return exposed;
  }
}

function addVary(headers: HeaderList, added: string): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== "vary") continue;
    const names = new Set(splitNames(headers[i + 1] ?? "").map((name) => name.toLowerCase()));
    if (names.has(added.toLowerCase()) || names.has("*")) return;
  }
  headers.push("Vary", added);
}

function splitNames(list: string): string[] {
  return list
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
