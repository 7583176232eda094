import type { TestContext } from "node:test";
import { type PostgresServer, startPostgres } from "../../src/ledger/testing/postgres-server.ts";
import { DatabaseProxy } from "../crash/database-proxy.ts";
import type { FareboxInstance } from "../crash/farebox-process.ts";
import type { Load } from "../crash/load.ts";
import { Scene } from "../crash/scene.ts";

const INSTANCES = 3;
const CLIENTS = 48;
const HOT = 3;
const COLD = 12;
const NEARLY_EMPTY = 4;
/** A hot account gets so many requests for each of a cold one. */
const HEAT = 6;
/** Of the cold accounts every third has keys with a cap, which is reached. */
const CAPPED = 3;
const CAP = 30;
/** More than a soak of any length spends. */
const PLENTY = 10_000_000;
const LITTLE = 20;
/** Of ten requests one fails at the upstream, besides those that the load lets fail and break: 15 % in all. */
const FAILS_OF = 10;
/** Whoever restarts a service does not stop at the first try. */
const STARTS = 100;

/** An account, and the key that its clients use at present. */
export interface SoakCustomer {
  readonly accountId: string;
  readonly isNearlyEmpty: boolean;
  /** Of its keys; none: they may spend all that there is. */
  readonly caps: readonly KeyCap[];
  keyId: string;
  key: string;
}

interface KeyCap {
  readonly creditType: string;
  readonly total: number;
}

/** A place for an instance: another process after the first was killed. */
export interface Slot {
  /** Between its instance and Postgres. */
  readonly proxy: DatabaseProxy;
  instance: FareboxInstance;
  /** A fault is at it. */
  isStruck: boolean;
}

/** Three instances on one Postgres, hot, cold and nearly empty accounts, and load on all of them. */
export class Site {
  readonly scene: Scene;
  readonly server: PostgresServer;
  readonly slots: readonly Slot[];
  readonly customers: readonly SoakCustomer[];
  readonly load: Load;

  static async open(context: TestContext): Promise<Site> {
    const server = await startPostgres({ fsync: true });
    const scene = await Scene.open(context, "postgres", server);
    const slots: Slot[] = [];
    for (let number = 0; number < INSTANCES; number += 1) {
      const proxy = await DatabaseProxy.start("url" in scene.database ? scene.database.url : "");
      context.after(() => proxy.close());
      slots.push({ proxy, instance: await scene.start({ url: proxy.url }), isStruck: false });
    }
    const customers: SoakCustomer[] = [];
    for (let number = 0; number < HOT + COLD + NEARLY_EMPTY; number += 1) {
      const slot = slots[number % INSTANCES] ?? raise("a site has slots");
      const isNearlyEmpty = number >= HOT + COLD;
      const isCapped = number >= HOT && !isNearlyEmpty && number % CAPPED === 0;
      const caps = isCapped ? [{ creditType: "credits", total: CAP }] : [];
      customers.push(await openCustomer(slot, isNearlyEmpty, caps));
    }
    return new Site(scene, server, slots, customers);
  }

  private constructor(
    scene: Scene,
    server: PostgresServer,
    slots: readonly Slot[],
    customers: readonly SoakCustomer[],
  ) {
    this.scene = scene;
    this.server = server;
    this.slots = slots;
    this.customers = customers;
    const all = customers.flatMap((customer, number) =>
      Array.from({ length: number < HOT ? HEAT : 1 }, () => customer),
    );
    const [poor = raise("a site has customers")] = customers;
    const instance = (client: number): FareboxInstance =>
      (slots[client % slots.length] ?? raise("a site has slots")).instance;
    this.load = scene.load({ instance, clients: CLIENTS, streamsBreak: false }, { all, poor });
    const { script } = scene.upstream;
    scene.upstream.script = (call) => {
      if (Number(call.call.split("-").at(-1)) % FAILS_OF === FAILS_OF - 1) call.fail();
      else script(call);
    };
  }

  /** How often clients were answered so. */
  countAnswers(status: number): number {
    return this.scene.log.filter((record) => record.status === status).length;
  }

  /** Lets a fault have a slot at which no other fault is. */
  async strike<T>(pick: number, fault: (slot: Slot) => Promise<T>): Promise<T> {
    const free = this.slots.filter(({ isStruck }) => !isStruck);
    const slot = free[pick % free.length] ?? raise("every slot is struck");
    slot.isStruck = true;
    try {
      return await fault(slot);
    } finally {
      slot.isStruck = false;
    }
  }

  /** A new process in place of one that has ended. Without a database it ends, and is started again as services are. */
  async startAgain(slot: Slot): Promise<void> {
    for (let start = 1; ; start += 1) {
      try {
        slot.instance = await this.scene.start({ url: slot.proxy.url });
        return;
      } catch (error) {
        if (start === STARTS) throw error;
      }
    }
  }
}

async function openCustomer(
  { instance: { client } }: Slot,
  isNearlyEmpty: boolean,
  caps: readonly KeyCap[],
): Promise<SoakCustomer> {
  const { id: accountId } = await client.createAccount({ name: "Soak" });
  await client.createGrant({ account: accountId, amount: isNearlyEmpty ? LITTLE : PLENTY });
  const { id: keyId, key } = await client.createKey({ account: accountId, caps: [...caps] });
  return { accountId, isNearlyEmpty, caps, keyId, key };
}

export function raise(message: string): never {
  throw new Error(message);
}
