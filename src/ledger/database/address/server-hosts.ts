import { readUrlParameters, refuseUrl } from "./url-parameters.ts";

/** The parts of a database's URL: what stands before the hosts, the hosts, the database, and the parameters. */
const PARTS = /^(postgres(?:ql)?:\/\/)([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/s;

/** `host`, `host:port`, `[::1]` or `[::1]:port`. */
const HOST = /^(?:\[[0-9a-fA-F:.%]+\]|[^:[\],\s]*)(?::\d{1,5})?$/;

/**
 * The servers of one database, of which one at a time can be written to: each new session goes to the one that was last good, and to
 * the next one when that fails.
 */
export class ServerHosts {
  /** Hosts and database, without user and password, which must never reach a log. */
  readonly where: string;
  readonly #urls: readonly string[];
  #place = 0;

  /** Throws FareboxError `database_url_invalid`, which never quotes user or password. */
  constructor(url: string) {
    const [, scheme = "", authority = "", database = "", query = "", fragment = ""] =
      PARTS.exec(url) ?? refuseUrl("is not a Postgres address");
    const end = authority.lastIndexOf("@") + 1;
    checkCredentials(authority.slice(0, end), database + query + fragment);
    const hosts = authority.slice(end).split(",");
    const wrong = hosts.find((host) => !HOST.test(host));
    if (wrong !== undefined) refuseUrl(`has the host "${wrong}", which is no host and port`);
    if (hosts.length > 1 && hosts.includes("")) refuseUrl("has an empty host between two commas");
    const parameters = readUrlParameters(query);
    const rest = parameters === "" ? database : `${database}?${parameters}`;
    this.#urls = hosts.map((host) => `${scheme}${authority.slice(0, end)}${host}${rest}`);
    this.where = `${hosts.join(",")}${database}`;
  }

  get count(): number {
    return this.#urls.length;
  }

  /** The URL of the server to go to now. */
  get current(): string {
    return this.#urls[this.#place] ?? "";
  }

  /** A session to this server could not be opened, or the server only reads: the next one is tried. */
  failed(url: string): void {
    if (url === this.current) this.#place = (this.#place + 1) % this.count;
  }
}

/** Before anything of the authority is quoted: with an unencoded `/` or `?` in the password a part of it would stand where hosts do. */
function checkCredentials(credentials: string, behind: string): void {
  if (credentials === "" && behind.includes("@"))
    refuseUrl("has a character in user or password that must be encoded");
  try {
    decodeURIComponent(credentials);
  } catch {
    refuseUrl("has a % in user or password that begins no code: it is written %25");
  }
}
