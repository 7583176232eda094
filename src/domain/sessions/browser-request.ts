/** What of a request tells whether the page that sent it is one of ours. */
export interface BrowserHead {
  readonly method: string;
  /** Reads a header by its lower-case name. */
  readonly header: (name: string) => string | undefined;
}

/** Our pages send it with every change. Another site's page cannot: browsers ask us first (CORS preflight), and we say no. */
const CONSOLE_HEADER = "farebox-console";

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD"]);

const LOOPBACK = /^(?:localhost|(?:[a-z0-9-]+\.)+localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/** Whether a request came to this machine's own name: the one case in which browsers speak to us without TLS. */
export function isLoopbackHost(host: string | undefined): boolean {
  return host !== undefined && LOOPBACK.test(host);
}

/**
 * Why a request is not from a page of ours on a name of ours; undefined when it is. `hosts` are the names, besides the loopback
 * ones, that this Farebox is reached by: another one means that somebody's name was made to point here (DNS rebinding).
 */
export function findForgery({ method, header }: BrowserHead, hosts: readonly string[]): string | undefined {
  const host = header("host")?.toLowerCase();
  if (host === undefined || !(isLoopbackHost(host) || hosts.includes(host))) {
    return `the host name ${host ?? ""} is not one of sessions.hosts`;
  }
  const site = header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && !(site === "none" && SAFE.has(method))) {
    return "it comes from another site";
  }
  const origin = header("origin")?.toLowerCase();
  if (origin !== undefined && origin.replace(/^https?:\/\//, "") !== host)
    return "it comes from another site";
  if (!SAFE.has(method) && header(CONSOLE_HEADER) !== "1")
    return `the header ${CONSOLE_HEADER}: 1 is missing`;
  return undefined;
}
