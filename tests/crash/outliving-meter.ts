import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOperator } from "../../src/cli/operator/find-operator.ts";
import { createClient } from "../../src/client/index.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { type OpenMeter, openMeter } from "../../src/embed/meter.ts";
import { createTestDatabase, type TestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { DatabaseProxy } from "./database-proxy.ts";
import type { MeterArguments } from "./meter-process.ts";

/** What a test has that kills processes with the meter in them: the meter in its own process lives on, and finds who has died. */
export class OutlivingMeter {
  readonly books: TestDatabase;
  /** The way to the books of those that are killed. */
  readonly proxy: DatabaseProxy;
  readonly meter: OpenMeter;
  readonly customer: { readonly id: string; readonly key: string };
  readonly #folder: string;
  readonly #yaml: string;

  private constructor(
    parts: Pick<OutlivingMeter, "books" | "proxy" | "meter" | "customer">,
    folder: string,
    yaml: string,
  ) {
    this.books = parts.books;
    this.proxy = parts.proxy;
    this.meter = parts.meter;
    this.customer = parts.customer;
    this.#folder = folder;
    this.#yaml = yaml;
  }

  /** `balance`: the customer's, in credits. */
  static async open(yaml: string, balance: number): Promise<OutlivingMeter> {
    const books = await createTestDatabase("postgres");
    const proxy = await DatabaseProxy.start("url" in books.target ? books.target.url : "");
    const folder = await mkdtemp(join(tmpdir(), "farebox-killed-"));
    const dataDirectory = join(folder, "own");
    const meter = await openMeter(parseConfig("farebox.yaml", yaml, {}), {
      database: books.target,
      dataDirectory,
      operator: { host: "127.0.0.1", port: 0 },
    });
    const operator = createClient(
      findOperator({ url: undefined, token: undefined, directory: dataDirectory }),
    );
    const { id } = await operator.createAccount({ name: "Acme" });
    await operator.createGrant({ account: id, amount: balance });
    const { key } = await operator.createKey({ account: id, name: "production" });
    return new OutlivingMeter({ books, proxy, meter, customer: { id, key } }, folder, yaml);
  }

  /** For a process that may be killed. */
  get argument(): string {
    const given: MeterArguments = {
      database: { url: this.proxy.url },
      dataDirectory: join(this.#folder, "killed"),
      yaml: this.#yaml,
    };
    return JSON.stringify(given);
  }

  async close(): Promise<void> {
    await this.meter.close();
    await this.proxy.close();
    await this.books.drop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
