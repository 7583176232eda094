import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accountBody } from "../../src/api/operator/wire/account.ts";
import { createdKey } from "../../src/api/operator/wire/key.ts";
import { balanceBody, grantBody } from "../../src/api/operator/wire/pool.ts";
import { createOperatorClient, type OperatorClient } from "../../src/cli/operator-client.ts";
import type { DatabaseTarget } from "../../src/ledger/database/open-database.ts";
import { FareboxProcess, type Finished } from "../end-to-end/farebox-process.ts";
import { eventually } from "./eventually.ts";

/** What each endpoint of the configuration costs. */
export const COST = 3;
/** In the configuration: short, so that a dead instance's leases are waited for and not slept for. */
const DEAD_AFTER = "2s";

const TOKEN = "operator-token-of-the-crash-tests";
const ANY_PORT = "127.0.0.1:0";

/** An account and its key. */
export interface Customer {
  readonly accountId: string;
  readonly key: string;
}

/** `farebox start` in a process of its own, that a test may kill. */
export class FareboxInstance {
  readonly gatewayPort: number;
  readonly #process: FareboxProcess;
  readonly #operator: OperatorClient;

  /** Resolves when it is ready. */
  static async start(folder: string, database: DatabaseTarget): Promise<FareboxInstance> {
    const storage =
      "url" in database
        ? ["--database", database.url, "--data", join(folder, "data")]
        : ["--data", database.directory];
    const listening = ["--listen", ANY_PORT, "--operator-listen", ANY_PORT];
    const args = ["start", "--config", join(folder, "farebox.yaml"), ...listening, ...storage, "--json"];
    const process = new FareboxProcess(args, { FAREBOX_OPERATOR_TOKEN: TOKEN });
    running.add(process);
    void process.finish().then(() => running.delete(process));
    return new FareboxInstance(process, await process.ready());
  }

  private constructor(
    process: FareboxProcess,
    urls: { readonly gateway: string; readonly operator: string },
  ) {
    this.#process = process;
    this.gatewayPort = Number(new URL(urls.gateway).port);
    this.#operator = createOperatorClient({ url: urls.operator, token: TOKEN, source: "this test" });
  }

  /** Warnings and errors that it has logged with this message. */
  countLogged(message: string): number {
    return this.#process.stderr.split(message).length - 1;
  }

  /** kill -9; resolves when it is gone. Fails when it had ended before. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.finish();
    const { signalCode } = this.#process.child;
    if (signalCode !== "SIGKILL") {
      throw new Error(`it was not killed, it ended by itself: ${this.#process.stderr}`);
    }
  }

  /** SIGTERM; resolves at its end. */
  terminate(): Promise<Finished> {
    this.#process.kill("SIGTERM");
    return this.#process.finish();
  }

  /** A new account with so many credits. */
  async openAccount(credits: number): Promise<Customer> {
    const { id } = await this.#operator.post("/v1/accounts", accountBody, { name: "Crash" });
    await this.#operator.post(`/v1/accounts/${id}/grants`, grantBody, { amount: credits });
    const { key } = await this.#operator.post(`/v1/accounts/${id}/keys`, createdKey, {});
    return { accountId: id, key };
  }

  /** Waits until nothing of the account's credits is set aside; fails when that does not come by itself. */
  async atRest(accountId: string): Promise<void> {
    await eventually(`nothing held of ${accountId}`, async () => {
      const { pools } = await this.#operator.get(`/v1/accounts/${accountId}/balances`, balanceBody);
      return pools.every(({ held }) => held === 0) || undefined;
    });
  }
}

/** A folder with the configuration that all these tests use. Removed by `remove`. */
export function createFolder(upstream: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "farebox-crash-"));
  const config = `
upstream: ${upstream}
unpriced: refuse
prices:
  - { match: POST /work, cost: ${COST} }
  - { match: POST /stream, cost: ${COST} }
leases: { idle: 100ms, deadAfter: ${DEAD_AFTER} }
gateway: { maxBufferedResponse: 128MiB, maxConcurrentPerAccount: 4096 }
`;
  writeFileSync(join(path, "farebox.yaml"), config);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

const running = new Set<FareboxProcess>();

/** None may outlive the test, however it ends. */
export function killAll(): void {
  for (const process of running) process.kill("SIGKILL");
}

process.once("exit", killAll);
process.once("SIGTERM", () => {
  killAll();
  process.exit(1);
});
