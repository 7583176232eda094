import { isLoopbackHost } from "./browser-request.ts";

/** Which pages a session is of. Both may be on one host name, whose cookies do not tell ports apart. */
export type Pages = "portal" | "console";

/** What a cookie is for: a session, or a sign-in that is under way at an identity provider. */
type Purpose = Pages | "oidc";

const NAME: Readonly<Record<Purpose, string>> = {
  portal: "farebox-portal",
  console: "farebox-console",
  oidc: "farebox-oidc",
};

/**
 * `__Host-` binds a cookie to this very host name and to TLS. Over plain HTTP browsers take no such cookie, some not even on
 * loopback names, where there is no wire to listen on: there the name is plain.
 */
function nameOf(purpose: Purpose, host: string | undefined): string {
  return isLoopbackHost(host) ? NAME[purpose] : `__Host-${NAME[purpose]}`;
}

/** The text of ours in a `Cookie` header; undefined without one, and with two, of which one was put there by somebody else. */
export function readSessionCookie(
  purpose: Purpose,
  host: string | undefined,
  cookies: string | undefined,
): string | undefined {
  const name = nameOf(purpose, host);
  const values = (cookies ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? values[0] : undefined;
}

/** The `Set-Cookie` of a session. `isFramed`: pages of other sites show ours in a frame, where a strict cookie is not sent. */
export function renderSessionCookie(
  pages: Pages,
  host: string | undefined,
  { text, seconds, isFramed = false }: { text: string; seconds: number; isFramed?: boolean },
): string {
  const isLocal = isLoopbackHost(host);
  const site = isFramed && !isLocal ? "SameSite=None; Partitioned" : "SameSite=Strict";
  const secure = isLocal ? "" : " Secure;";
  return `${nameOf(pages, host)}=${text}; Path=/; Max-Age=${seconds}; HttpOnly;${secure} ${site}`;
}

/**
 * The `Set-Cookie` of a sign-in that is under way at an identity provider, `seconds` 0 to end it. It is Lax: the provider's page sends
 * the browser back, and a strict cookie would not come along.
 */
export function renderAttemptCookie(host: string | undefined, text: string, seconds: number): string {
  const secure = isLoopbackHost(host) ? "" : " Secure;";
  return `${nameOf("oidc", host)}=${text}; Path=/; Max-Age=${seconds}; HttpOnly;${secure} SameSite=Lax`;
}

/** A `Cookie` header without our sessions; undefined when nothing is left. The upstream must not see them. */
export function withoutSessions(cookies: string): string | undefined {
  if (!cookies.includes("farebox-")) return cookies;
  const kept = cookies
    .split(";")
    .filter((pair) => !/^\s*(?:__Host-)?farebox-(?:portal|console|oidc)=/.test(pair));
  const text = kept.join(";").trim();
  return text === "" ? undefined : text;
}
