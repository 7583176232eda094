import { FareboxError } from "../../../domain/farebox-error.ts";
import type { Database, Parameter, Statement, Transaction } from "../database.ts";
import { StatementGate } from "../statement-gate.ts";
import { isDatabaseAway, namesServer, sqlStateOf } from "../storage-error.ts";

/** Statements that may be under way at one server: batches, heartbeats and what requests ask beside them. */
const AT_ONE_SERVER = 5;
/** Transactions, and statements that are not known to be of one server: reports, changes of rows that all servers have. */
const AT_SEVERAL = 8;
/** What only the server that is asked answers: keys, news, prices. */
const AT_NONE = 6;

/** A shard that is moved is asked for at its old place so long. What depends on it is who waits behind whom. */
const PLACES_KNOWN_MS = 10_000;

/** A call of a function of one shard, or rows of one: which parameter is the shard. */
const SHARD = /(?:^SELECT farebox\.\w+\(|\bshard = )\$(\d+)/;

const PLACES = `SELECT s.shard::int AS shard, p.groupid::int AS server, n.nodename || ':' || n.nodeport AS name
  FROM unnest($1::smallint[]) AS s(shard)
  JOIN pg_dist_placement p ON p.shardid = get_shard_id_for_distribution_column('farebox.pools', s.shard)
  JOIN pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary'`;

interface PlaceRow {
  readonly shard: number;
  readonly server: number;
  readonly name: string;
}

/** A statement that took too long. */
const CANCELLED = "57014";

/** So many connections are open at most: those that a server which hangs can hold, and what the others need. */
export function connectionsFor(servers: number): number {
  return servers * AT_ONE_SERVER + AT_SEVERAL + AT_NONE;
}

/**
 * A cluster, asked through the one server that passes statements on. A server that hangs holds the connections of the statements that
 * are for it, and no others: calls of shards that are elsewhere go on.
 */
export class ClusterDatabase implements Database {
  readonly #inner: Database;
  readonly #gates = new Map<number | undefined, StatementGate>();
  readonly #several = new StatementGate(AT_SEVERAL);
  /** Of the shards that were asked for; undefined: not known yet. */
  #places = new Map<number, number | undefined>();
  /** Of the servers: `host:port`. */
  readonly #names = new Map<number, string>();
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(inner: Database) {
    this.#inner = inner;
  }

  get kind(): Database["kind"] {
    return this.#inner.kind;
  }

  get isPooled(): boolean {
    return this.#inner.isPooled ?? false;
  }

  serverOf(shard: number): number | undefined {
    if (!this.#places.has(shard)) {
      this.#places.set(shard, undefined);
      this.#readAt = Number.NEGATIVE_INFINITY;
    }
    if (this.#reading === undefined && performance.now() - this.#readAt >= PLACES_KNOWN_MS) {
      this.#reading = this.#readPlaces().finally(() => {
        this.#reading = undefined;
      });
    }
    return this.#places.get(shard);
  }

  async findServers(shards: readonly number[]): Promise<void> {
    const unknown = new Set(shards.filter((shard) => !this.#places.has(shard)));
    for (const shard of unknown) this.#places.set(shard, undefined);
    if (unknown.size === 0) return;
    await this.#reading;
    await this.#readPlaces();
  }

  query<Row>(statement: string | Statement, params: readonly Parameter[] = []): Promise<Row[]> {
    const run = (): Promise<Row[]> => this.#inner.query<Row>(statement, params);
    if (typeof statement !== "string" && statement.isLocal === true) return run();
    const shard = shardOf(typeof statement === "string" ? statement : statement.text, params);
    if (shard === undefined) return this.#several.pass(run).catch((error: unknown) => this.#refuse(error));
    const server = this.serverOf(shard);
    return this.#gateOf(server)
      .pass(run)
      .catch((error: unknown) => this.#refuse(error, server));
  }

  /** Migrations: nothing else happens meanwhile. */
  exec(sql: string): Promise<void> {
    return this.#inner.exec(sql);
  }

  transaction<T>(run: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#several
      .pass(() => this.#inner.transaction(run))
      .catch((error: unknown) => this.#refuse(error));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** With the server that was asked, or who knows which one does not answer: a server that hangs names itself in no error. */
  #refuse(error: unknown, server?: number): never {
    const isSilence = isDatabaseAway(error) || sqlStateOf(error) === CANCELLED;
    if (!isSilence || !(error instanceof FareboxError) || namesServer(error)) throw error;
    const name = server === undefined ? undefined : this.#names.get(server);
    const where = name === undefined ? "One of its servers may be away" : `Its server ${name} was asked`;
    const message = `${error.message}. ${where}: \`farebox doctor\` names those that do not answer.`;
    throw new FareboxError("storage_unavailable", message, {
      retryable: true,
      detail: error.detail,
      cause: error.cause,
    });
  }

  #gateOf(server: number | undefined): StatementGate {
    let gate = this.#gates.get(server);
    if (gate === undefined) {
      gate = new StatementGate(AT_ONE_SERVER);
      this.#gates.set(server, gate);
    }
    return gate;
  }

  /** What cannot be read, as before the tables are spread, is read again later: until then all shards are in one place. */
  async #readPlaces(): Promise<void> {
    this.#readAt = performance.now();
    try {
      const shards = [...this.#places.keys()];
      for (const { shard, server, name } of await this.#inner.query<PlaceRow>(PLACES, [shards])) {
        this.#places.set(shard, server);
        this.#names.set(server, name);
      }
    } catch {
      // See above.
    }
  }
}

function shardOf(text: string, params: readonly Parameter[]): number | undefined {
  const place = SHARD.exec(text)?.[1];
  const shard = place === undefined ? undefined : params[Number(place) - 1];
  return typeof shard === "number" ? shard : undefined;
}
