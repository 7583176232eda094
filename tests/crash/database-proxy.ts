import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

const BIND = 0x42;
const READY_FOR_QUERY = 0x5a;
/** A request's id in a general batch; its other UUIDs are of version 4. */
const REQUEST_ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/;
/** How the requests' ids of a plain batch begin, which are bound in binary: one dimension, no nulls, of the type uuid. */
const REQUEST_IDS = Buffer.from("000000010000000000000b86", "hex");

/** Which batch a hold is for: the one that charges, or the one that only leases and releases; or a verb of long holds. */
export type BatchKind = "charge" | "lease" | `${"open" | "settle" | "extend" | "release"}_long_hold`;

/** `commit`: nothing of the batch reaches the server. `told`: it is committed, and nothing of the answer comes back. */
export type HoldBefore = "commit" | "told";

/** One batch that is going to be held at a step. */
export interface Hold {
  /** Resolves when a batch stands at the step. */
  readonly reached: Promise<void>;
  /** Lets it go on. */
  release(): void;
}

interface Plan {
  readonly kind: BatchKind;
  readonly before: HoldBefore;
  readonly reach: () => void;
  isReached: boolean;
  link: Link | undefined;
}

/** Stands between an instance and Postgres: reads the protocol, so that a batch can be stopped at an exact step. */
export class DatabaseProxy {
  /** How long each message to the server is kept back. */
  slowMs = 0;
  /** Swallows everything in both directions, without a word; what was open meanwhile stays so. */
  isMute = false;
  readonly #target: URL;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #plans: Plan[] = [];

  static async start(databaseUrl: string): Promise<DatabaseProxy> {
    const proxy = new DatabaseProxy(new URL(databaseUrl));
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer((client) => {
      const server = connect(Number(this.#target.port), this.#target.hostname);
      const link = new Link(client, server, this);
      this.#links.add(link);
      client.once("close", () => this.#links.delete(link));
    });
  }

  /** The same database, by way of the proxy. */
  get url(): string {
    const url = new URL(this.#target);
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  /** Holds the next batch of this kind, once. */
  hold(kind: BatchKind, before: HoldBefore): Hold {
    const { promise: reached, resolve } = Promise.withResolvers<void>();
    const reach = (): void => {
      plan.isReached = true;
      resolve();
    };
    const plan: Plan = { kind, before, reach, isReached: false, link: undefined };
    this.#plans.push(plan);
    return { reached, release: () => plan.link?.release() };
  }

  /** Cuts every connection. New ones are let through. */
  cut(): number {
    const { size } = this.#links;
    for (const link of this.#links) link.destroy();
    return size;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Called by a link whose connection broke before its batch was at the step: another batch will be. */
  takeBack(plan: Plan): void {
    this.#plans.unshift(plan);
  }

  /** Called by a link for every batch: the plan that it meets, if any. */
  meet(kind: BatchKind, link: Link): Plan | undefined {
    const index = this.#plans.findIndex((plan) => plan.kind === kind);
    const [plan] = index === -1 ? [] : this.#plans.splice(index, 1);
    if (plan !== undefined) plan.link = link;
    return plan;
  }
}

/** One connection. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #proxy: DatabaseProxy;
  readonly #toServer = new Messages(true);
  readonly #toClient = new Messages(false);
  /** Messages that are kept back, in the direction of the hold. */
  readonly #kept: Buffer[] = [];
  #plan: Plan | undefined;
  #isMute = false;

  constructor(client: Socket, server: Socket, proxy: DatabaseProxy) {
    this.#client = client;
    this.#server = server;
    this.#proxy = proxy;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.once("close", () => this.destroy());
    }
    client.on("data", (chunk) => {
      this.#isMute ||= proxy.isMute;
      if (this.#isMute) return;
      for (const message of this.#toServer.read(chunk)) this.#forward(message);
    });
    server.on("data", (chunk) => {
      this.#isMute ||= proxy.isMute;
      if (this.#isMute) return;
      for (const message of this.#toClient.read(chunk)) this.#answer(message);
    });
  }

  release(): void {
    const socket = this.#plan?.before === "commit" ? this.#server : this.#client;
    this.#plan = undefined;
    for (const message of this.#kept.splice(0)) socket.write(message);
  }

  /** What is kept back is lost. */
  destroy(): void {
    if (this.#plan?.isReached === false) this.#proxy.takeBack(this.#plan);
    this.#plan = undefined;
    this.#client.destroy();
    this.#server.destroy();
  }

  #forward(message: Buffer): void {
    const kind = kindOf(message);
    if (kind !== undefined) {
      const plan = this.#proxy.meet(kind, this);
      if (plan !== undefined) {
        this.#plan = plan;
        if (plan.before === "commit") plan.reach();
      }
    }
    if (this.#plan?.before === "commit") this.#kept.push(message);
    else if (this.#proxy.slowMs === 0) this.#server.write(message);
    else setTimeout(() => this.#server.write(message), this.#proxy.slowMs);
  }

  #answer(message: Buffer): void {
    if (this.#plan?.before !== "told") {
      this.#client.write(message);
      return;
    }
    this.#kept.push(message);
    // The server says that it is ready only after the commit.
    if (message[0] === READY_FOR_QUERY) this.#plan.reach();
  }
}

/** A Bind names the portal, which is empty, and the prepared statement. Undefined: it is nothing that is ever held. */
function kindOf(message: Buffer): BatchKind | undefined {
  if (message[0] !== BIND) return undefined;
  const [, name = ""] = message.toString("latin1", 5, 40).split("\0");
  if (name === "run-plain" || name === "run-batch")
    return REQUEST_ID.test(message.toString("latin1")) || message.includes(REQUEST_IDS) ? "charge" : "lease";
  return LONG_HOLDS.find((kind) => kind === name);
}

const LONG_HOLDS = ["open_long_hold", "settle_long_hold", "extend_long_hold", "release_long_hold"] as const;

/** Cuts a stream of Postgres's protocol into messages: a byte that tells the kind, and a length that counts itself. */
class Messages {
  /** The first message of a client has no kind. */
  #isStart: boolean;
  #rest = Buffer.alloc(0);

  constructor(isClient: boolean) {
    this.#isStart = isClient;
  }

  read(chunk: Buffer): Buffer[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const messages: Buffer[] = [];
    for (;;) {
      const kind = this.#isStart ? 0 : 1;
      if (this.#rest.length < kind + 4) return messages;
      const length = kind + this.#rest.readInt32BE(kind);
      if (this.#rest.length < length) return messages;
      messages.push(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
      this.#isStart = false;
    }
  }
}
