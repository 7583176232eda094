import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { DatabaseTarget } from "../../src/ledger/database/open-database.ts";
import type { PostgresServer } from "../../src/ledger/testing/postgres-server.ts";
import { createTestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { assertAtRest, auditByCommand, readBooks } from "./books.ts";
import { type Comparison, compareLogs } from "./compare-logs.ts";
import { COST, type Customer, createFolder, FareboxInstance } from "./farebox-process.ts";
import { Load, type LoadOptions } from "./load.ts";
import { type CallRecord, LoggingClient } from "./logging-client.ts";
import { ScriptedUpstream } from "./scripted-upstream.ts";

/** Enough for every request of a test. */
const RICH = 1_000_000;
/** Enough for ten. */
const POOR = 10 * COST;
const RICH_CUSTOMERS = 4;

export interface Customers {
  readonly all: readonly Customer[];
  /** Can pay for ten requests. */
  readonly poor: Customer;
}

/** A database, an upstream and the log of what clients were told: what is compared when everything is over. */
export class Scene {
  readonly database: DatabaseTarget;
  readonly upstream: ScriptedUpstream;
  readonly log: CallRecord[] = [];
  readonly #folder: string;
  readonly #instances: FareboxInstance[] = [];
  #load: Load | undefined;

  /** It is taken down after the test, with every process that still runs, and with the server if it is the test's own. */
  static async open(
    context: TestContext,
    kind: "pglite" | "postgres",
    server?: PostgresServer,
    workers = 1,
  ): Promise<Scene> {
    const upstream = await ScriptedUpstream.start();
    const folder = createFolder(upstream.url, workers);
    const database = await createTestDatabase(kind, server?.url);
    const scene = new Scene(database.target, upstream, folder.path);
    context.after(async () => {
      for (const instance of scene.#instances) await instance.remove();
      await scene.#load?.stop();
      folder.remove();
      await upstream.close();
      await (server === undefined ? database.drop() : server.stop());
    });
    return scene;
  }

  private constructor(database: DatabaseTarget, upstream: ScriptedUpstream, folder: string) {
    this.database = database;
    this.upstream = upstream;
    this.#folder = folder;
  }

  /** Another instance, on the same database and, if that is embedded, the same directory. */
  async start(database = this.database): Promise<FareboxInstance> {
    const instance = await FareboxInstance.start(this.#folder, database);
    this.#instances.push(instance);
    return instance;
  }

  async openCustomers(instance: FareboxInstance): Promise<Customers> {
    const rich = await Promise.all(Array.from({ length: RICH_CUSTOMERS }, () => instance.openAccount(RICH)));
    const poor = await instance.openAccount(POOR);
    return { all: [...rich, poor], poor };
  }

  /** Begins to send requests of so many clients. */
  load(options: Pick<LoadOptions, "instance" | "clients" | "streamsBreak">, { all }: Customers): Load {
    const { upstream, log } = this;
    this.#load = new Load({ ...options, customers: all, upstream, log });
    return this.#load;
  }

  /** Waits until everything that dead instances had set aside is back, and nothing else is set aside. */
  async atRest(instance: FareboxInstance, { all }: Customers): Promise<void> {
    for (const { accountId } of all) await instance.atRest(accountId);
  }

  /** Spends the rest of the nearly empty account, to its last credit: all that was not charged must be there. */
  async spendPoor(instance: FareboxInstance, { poor }: Customers): Promise<void> {
    const client = new LoggingClient(this.log);
    this.upstream.script = (call) => call.succeed();
    for (let number = 0, status = 200; status === 200; number += 1) {
      const call = `rest-${poor.accountId}-${number}`;
      ({ status = 0 } = await client.call(instance.gatewayPort, { ...poor, call }));
      assert.ok(status === 200 || status === 402, `${call}: ${status}`);
    }
    client.leave();
    assert.equal(await instance.atRest(poor.accountId), 0, "nothing of the nearly empty account is left");
  }

  /** After the last instance has ended: compares the three logs, and runs the audit. */
  async settle(): Promise<Comparison> {
    const books = await readBooks(this.database);
    assertAtRest(books);
    const comparison = compareLogs(this.log, this.upstream.log, books);
    await auditByCommand(this.database);
    return comparison;
  }
}
