import assert from "node:assert/strict";
import { openDatabase } from "../../src/ledger/database/open-database.ts";
import { isDead, listServerProcesses } from "../crash/books.ts";
import type { HoldBefore } from "../crash/database-proxy.ts";
import { eventually } from "../crash/eventually.ts";
import { raise, type Site, type Slot } from "./site.ts";

/** So many more requests are to be acknowledged while a fault lasts that concerns a part alone. */
const MEANWHILE = 60;
const SLOW_MS = 40;

/** Something that goes wrong in production. It fails when it did not come about, and has ended when it resolves. */
export interface Fault {
  readonly name: string;
  /** Two at once are of different places. */
  readonly at: "instance" | "network" | "server" | "rows";
  /** It says nothing while the server itself is struck. */
  readonly needsServer?: boolean;
  /** `pick` chooses among what it may strike. */
  readonly strike: (site: Site, pick: number) => Promise<void>;
}

export const FAULTS: readonly Fault[] = [
  {
    name: "kill -9 of an instance",
    at: "instance",
    strike: (site, pick) =>
      site.strike(pick, async (slot) => {
        await slot.instance.kill();
        await site.startAgain(slot);
      }),
  },
  {
    name: "kill -9 of an instance that waits for an answer to a committed charge",
    at: "instance",
    strike: (site, pick) =>
      site.strike(pick, async (slot) => {
        await holdCharge(slot, "told");
        await slot.instance.kill();
        slot.proxy.cut();
        await site.startAgain(slot);
      }),
  },
  {
    name: "an instance stands still until it is declared dead",
    at: "instance",
    strike: (site, pick) => site.strike(pick, (slot) => standStill(site, slot)),
  },
  {
    name: "an instance is told to end, and started again",
    at: "instance",
    needsServer: true,
    strike: (site, pick) =>
      site.strike(pick, async (slot) => {
        const { code, stderr } = await slot.instance.terminate();
        assert.equal(code, 0, `it drained: ${stderr}`);
        await site.startAgain(slot);
      }),
  },
  {
    name: "connections to the database are cut before a charge's commit",
    at: "network",
    strike: (site, pick) => site.strike(pick, (slot) => cut(slot, "commit")),
  },
  {
    name: "connections to the database are cut after a charge's commit",
    at: "network",
    strike: (site, pick) => site.strike(pick, (slot) => cut(slot, "told")),
  },
  {
    name: "the network to the database is slow",
    at: "network",
    strike: (site, pick) =>
      site.strike(pick, async ({ proxy }) => {
        proxy.slowMs = SLOW_MS;
        await site.load.flows(MEANWHILE, 0);
        proxy.slowMs = 0;
      }),
  },
  {
    name: "the network to the database swallows everything",
    at: "network",
    strike: (site, pick) =>
      site.strike(pick, async ({ proxy, instance }) => {
        const missed = instance.countLogged("the database is away");
        proxy.isMute = true;
        await eventually(
          "an instance misses the database",
          () => instance.countLogged("the database is away") > missed || undefined,
        );
        proxy.isMute = false;
      }),
  },
  {
    name: "kill -9 of Postgres",
    at: "server",
    strike: async ({ server }) => {
      const { pid } = server;
      await server.crash();
      await server.start();
      assert.notEqual(server.pid, pid, "it is another process now");
    },
  },
  { name: "Postgres stands still", at: "server", strike: stopServer },
  {
    name: "somebody locks an account's pool",
    at: "rows",
    needsServer: true,
    strike: (site, pick) =>
      lockRows(site, pick, "SELECT FROM farebox.pools p JOIN farebox.accounts a USING (account_no)", "p"),
  },
  {
    name: "somebody locks an account's grants",
    at: "rows",
    needsServer: true,
    strike: (site, pick) =>
      lockRows(site, pick, "SELECT FROM farebox.grants g JOIN farebox.accounts a USING (account_no)", "g"),
  },
  {
    name: "somebody locks an account and its keys",
    at: "rows",
    needsServer: true,
    strike: (site, pick) =>
      lockRows(site, pick, "SELECT FROM farebox.keys k JOIN farebox.accounts a USING (account_id)", "k, a"),
  },
];

/** Whether both may be at work at once. */
export function canMeet(one: Fault, other: Fault): boolean {
  if (one.at === other.at) return false;
  const needsServer = one.needsServer === true || other.needsServer === true;
  return !(needsServer && (one.at === "server" || other.at === "server"));
}

async function standStill({ scene }: Site, { instance }: Slot): Promise<void> {
  const id = await eventually("it tells its id", () => unlessAway(() => instance.readId()));
  instance.signal("SIGSTOP");
  try {
    await eventually("it is declared dead", () =>
      unlessAway(async () => (await isDead(scene.database, id)) || undefined),
    );
  } finally {
    instance.signal("SIGCONT");
  }
  await eventually("it goes on under another id", () =>
    unlessAway(async () => (await instance.readId()) !== id || undefined),
  );
}

async function cut(slot: Slot, before: HoldBefore): Promise<void> {
  await holdCharge(slot, before);
  assert.ok(slot.proxy.cut() > 0, "there were connections");
}

/** Resolves when a batch with charges stands at the step, on the slot's connection. */
async function holdCharge({ proxy }: Slot, before: HoldBefore): Promise<void> {
  let isReached = false;
  void proxy.hold("charge", before).reached.then(() => (isReached = true));
  await eventually(`a charge's batch is held (${before})`, () => isReached || undefined);
}

async function stopServer(site: Site): Promise<void> {
  const { scene, server } = site;
  const processes = [...(await listServerProcesses(scene.database)), server.pid];
  const refused = site.countAnswers(503);
  try {
    for (const pid of processes) signal(pid, "SIGSTOP");
    await eventually("somebody is refused", () => site.countAnswers(503) > refused || undefined);
  } finally {
    for (const pid of processes) signal(pid, "SIGCONT");
  }
}

/** A session's process ends with its session. */
function signal(pid: number, name: "SIGSTOP" | "SIGCONT"): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** As somebody does who forgot to commit: until others have gone on without that account. */
async function lockRows(site: Site, pick: number, rows: string, of: string): Promise<void> {
  const { accountId } = site.customers[pick % site.customers.length] ?? raise("a site has customers");
  const database = await openDatabase(site.scene.database);
  try {
    await database.transaction(async (tx) => {
      const locked = await tx.query(`${rows} WHERE account_id = $1 FOR UPDATE OF ${of}`, [accountId]);
      assert.ok(locked.length > 0, "rows are locked");
      await site.load.flows(MEANWHILE, 0);
    });
  } finally {
    await database.close();
  }
}

/** Undefined when nobody answers: whoever waits asks again. */
async function unlessAway<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch {
    return undefined;
  }
}
