import { FareboxError } from "../../domain/farebox-error.ts";

/** The parts of a database's URL: what stands before the hosts, the hosts, and what stands behind them. */
const PARTS = /^(postgres(?:ql)?:\/\/)([^/?#]*)(.*)$/s;

/** `host`, `host:port`, `[::1]` or `[::1]:port`. */
const HOST = /^(?:\[[0-9a-fA-F:.%]+\]|[^:[\],\s]*)(?::\d{1,5})?$/;

/** What libpq calls servers that can be written to. Farebox never uses another one, whatever the URL says. */
const WRITABLE = new Set(["any", "primary", "read-write"]);

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
    const [, scheme = "", authority = "", rest = ""] = PARTS.exec(url) ?? refuse("is not a Postgres address");
    const end = authority.lastIndexOf("@") + 1;
    const hosts = authority.slice(end).split(",");
    const wrong = hosts.find((host) => !HOST.test(host));
    if (wrong !== undefined) refuse(`has the host "${wrong}", which is no host and port`);
    if (hosts.length > 1 && hosts.includes("")) refuse("has an empty host between two commas");
    checkQuery(rest);
    this.#urls = hosts.map((host) => `${scheme}${authority.slice(0, end)}${host}${rest}`);
    this.where = `${hosts.join(",")}${rest.replace(/[?#].*$/s, "")}`;
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

function checkQuery(rest: string): void {
  const query = new URLSearchParams(/\?([^#]*)/.exec(rest)?.[1] ?? "");
  for (const name of ["host", "port", "hostaddr"]) {
    if (query.get(name)?.includes(",")) refuse(`lists several hosts in "${name}"`);
  }
  const wanted = query.get("target_session_attrs");
  if (wanted !== null && !WRITABLE.has(wanted)) {
    refuse(`asks for target_session_attrs=${wanted}, and Farebox writes`);
  }
}

function refuse(reason: string): never {
  throw new FareboxError("database_url_invalid", `The database's URL ${reason}.`, {
    detail: {
      fix: "Write postgres://user:password@host:5432/database; several servers as host1:5432,host2:5432. Encode special characters of the password (@ as %40, / as %2F).",
    },
  });
}
