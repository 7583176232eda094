import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accountBody } from "../../src/api/wire/account.ts";
import { instanceBody } from "../../src/api/wire/instance.ts";
import { createdKey } from "../../src/api/wire/key.ts";
import { balanceBody, grantBody } from "../../src/api/wire/pool.ts";
import type { Finding } from "../../src/cli/commands/doctor/finding.ts";
import { createOperatorClient, type OperatorClient } from "../../src/cli/operator/operator-client.ts";
import { createClient } from "../../src/client/create-client.ts";
import type { FareboxClient } from "../../src/client/generated/farebox-client.ts";
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

interface Urls {
  readonly gateway: string;
  readonly operator: string;
  readonly sidecar: string;
}

/** What of the sidecar's answers these tests look at. */
export interface SidecarAnswer {
  readonly status: number;
  readonly body: {
    readonly decision?: string;
    readonly hold?: string;
    readonly requestId?: string;
    readonly outcome?: string;
    readonly charged?: number;
    readonly uncollected?: number;
  };
}

/** `farebox start` in a process of its own, that a test may kill. */
export class FareboxInstance {
  readonly gatewayPort: number;
  readonly #sidecarUrl: string;
  readonly #process: FareboxProcess;
  readonly #operatorUrl: string;
  readonly #folder: string;
  readonly operator: OperatorClient;
  /** What applications speak to it with. */
  readonly client: FareboxClient;

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
    const urls = await eventually("farebox is ready", () => {
      if (!running.has(process)) throw new Error(`farebox ended before it was ready: ${process.stderr}`);
      const line = process.stdout.split("\n").find((text) => text.includes('"ready"'));
      return line === undefined ? undefined : (JSON.parse(line) as Urls);
    });
    return new FareboxInstance(process, urls, folder);
  }

  private constructor(process: FareboxProcess, urls: Urls, folder: string) {
    this.#folder = folder;
    this.#process = process;
    this.gatewayPort = Number(new URL(urls.gateway).port);
    this.#operatorUrl = urls.operator;
    this.#sidecarUrl = urls.sidecar;
    this.operator = createOperatorClient({ url: urls.operator, token: TOKEN, source: "this test" });
    this.client = createClient({ url: urls.operator, token: TOKEN });
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

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#process.kill(signal);
  }

  /** For the end of a test: kills it if it still runs. */
  async remove(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.finish();
  }

  /** SIGTERM; resolves at its end. */
  terminate(): Promise<Finished> {
    this.#process.kill("SIGTERM");
    return this.#process.finish();
  }

  /** Processes of its gateway, which are instances of their own. */
  async readWorkers(): Promise<{ readonly id: string; readonly pid: number }[]> {
    return (await this.operator.get("/v1/instance", instanceBody)).workers;
  }

  /** What its sidecar answers; undefined: it broke off. */
  async callSidecar(path: string, body: object): Promise<SidecarAnswer | undefined> {
    const headers = { authorization: `Bearer ${TOKEN}` };
    try {
      const response = await fetch(this.#sidecarUrl + path, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as SidecarAnswer["body"] };
    } catch {
      return undefined;
    }
  }

  /** All its metrics, as Prometheus reads them. */
  async readMetrics(): Promise<string> {
    const response = await fetch(`${this.#operatorUrl}/metrics`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    return response.text();
  }

  /** What a load balancer is told: the status, and the code of what is wrong. */
  async readReadiness(): Promise<readonly [number, string]> {
    const response = await fetch(`${this.#operatorUrl}/readyz`);
    const body: { readonly code?: string } = JSON.parse(await response.text());
    return [response.status, body.code ?? ""];
  }

  /** What `farebox doctor` finds wrong with it and its database. */
  async examine(database: DatabaseTarget): Promise<string[]> {
    const environment = { FAREBOX_OPERATOR_URL: this.#operatorUrl, FAREBOX_OPERATOR_TOKEN: TOKEN };
    const storage = "url" in database ? { DATABASE_URL: database.url } : {};
    const config = ["--config", join(this.#folder, "farebox.yaml"), "--data", join(this.#folder, "data")];
    const doctor = new FareboxProcess(["doctor", "--json", ...config], { ...environment, ...storage });
    const { stdout } = await doctor.finish();
    const { findings }: { readonly findings: readonly Finding[] } = JSON.parse(stdout);
    return findings.filter(({ state }) => state !== "ok").map(({ check, text }) => `${check}: ${text}`);
  }

  /** What it is called in the database. */
  async readId(): Promise<string> {
    return (await this.operator.get("/v1/instance", instanceBody)).id;
  }

  /** A new account with so many credits. `cap`: its key may spend so many in all. */
  async openAccount(credits: number, cap?: number): Promise<Customer> {
    const { id } = await this.operator.post("/v1/accounts", accountBody, { name: "Crash" });
    await this.operator.post(`/v1/accounts/${id}/grants`, grantBody, { amount: credits });
    const caps = cap === undefined ? undefined : [{ creditType: "credits", total: cap }];
    const { key } = await this.operator.post(`/v1/accounts/${id}/keys`, createdKey, { caps });
    return { accountId: id, key };
  }

  /** The account's balance when nothing of it is set aside any more; fails when that does not come by itself. */
  atRest(accountId: string): Promise<number> {
    return eventually(`nothing held of ${accountId}`, async () => {
      const { pools } = await this.operator.get(`/v1/accounts/${accountId}/balances`, balanceBody);
      return pools.every(({ held }) => held === 0) ? pools[0]?.balance : undefined;
    });
  }
}

/** A folder with the configuration that all these tests use. Removed by `remove`. */
export function createFolder(upstream: string, workers = 1): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "farebox-crash-"));
  const config = `
upstream: ${upstream}
unpriced: refuse
workers: ${workers}
prices:
  - { match: POST /work, cost: ${COST} }
  - { match: POST /stream, cost: ${COST} }
sidecar: { listen: "127.0.0.1:0" }
leases: { idle: 100ms, deadAfter: ${DEAD_AFTER} }
gateway: { maxBufferedResponse: 128MiB, maxConcurrentPerAccount: 4096, drainDelay: 0s }
`;
  writeFileSync(join(path, "farebox.yaml"), config);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

const running = new Set<FareboxProcess>();

/** None may outlive its test, however that ends. */
function killAll(): void {
  for (const process of running) process.kill("SIGKILL");
}

process.once("exit", killAll);
process.once("SIGTERM", () => {
  killAll();
  process.exit(1);
});
