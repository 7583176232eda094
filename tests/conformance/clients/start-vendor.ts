import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import { join } from "node:path";
import type { Hono } from "hono";
import { serve } from "../../../examples/serve.ts";
import { TEST_CERTIFICATE, TEST_CERTIFICATE_KEY } from "../../../src/gateway/testing/test-certificate.ts";
import { observe, type TestAccount } from "../account.ts";
import { Closing } from "../closing.ts";
import { change } from "../harness.ts";
import { type Exchange, startRecorder } from "../recorder.ts";
import { startGateway } from "../start-gateway.ts";

const EXAMPLES = join(import.meta.dirname, "..", "..", "..", "contracts", "examples");

/** A gateway with a vendor's contract and example prices, for the vendor's own client to call. */
export interface VendorGateway {
  /** Where the client is pointed: a recorder in front of the gateway. */
  readonly url: string;
  /** For clients that know no address but their vendor's: whatever host they name, they reach `url`. */
  readonly agent: Agent;
  openAccount(grants: Readonly<Record<string, number>>, plan?: string): Promise<TestAccount>;
  /** The last request as the client sent it, and what the gateway answered. */
  sent(): Exchange;
  /** The last request that reached the upstream. */
  forwarded(): Exchange;
  /** How many requests reached the upstream. */
  forwardedCount(): number;
  close(): Promise<void>;
}

export interface VendorOptions {
  /** Changes the example's configuration. */
  readonly edit?: (config: string) => string;
  /** The client speaks TLS: it ends in front of the gateway, as it does behind a load balancer. */
  readonly tls?: boolean;
}

/** Starts `contracts/examples/<vendor>.yaml` in front of a small API that answers as the vendor documents. */
export async function startVendor(
  vendor: string,
  api: Hono,
  options: VendorOptions = {},
): Promise<VendorGateway> {
  const closing = new Closing();
  return await closing.guard(async () => {
    const upstream = await serve(api);
    closing.add(() => upstream.close());
    const behind = await startRecorder(upstream.url);
    closing.add(() => behind.close());
    const example = readFileSync(join(EXAMPLES, `${vendor}.yaml`), "utf8");
    const config = options.edit === undefined ? example : change(example, options.edit);
    const running = await startGateway(config, behind.url);
    closing.add(() => running.close());
    const certificate = { cert: TEST_CERTIFICATE, key: TEST_CERTIFICATE_KEY };
    const front = await startRecorder(running.gateway, options.tls === true ? certificate : undefined);
    closing.add(() => front.close());
    const agent = new PinnedAgent(new URL(front.url));
    closing.add(async () => agent.destroy());
    return {
      url: front.url,
      agent,
      openAccount: (grants, plan) => running.operator.openAccount(grants, plan),
      sent: () => front.last(),
      forwarded: () => behind.last(),
      forwardedCount: () => behind.exchanges.length,
      close: () => closing.close(),
    };
  });
}

/** Connects to one address, whatever host it is asked for. */
class PinnedAgent extends Agent {
  readonly #address: URL;

  constructor(address: URL) {
    super({ keepAlive: false, ca: TEST_CERTIFICATE });
    this.#address = address;
  }

  override createConnection(...[options, done]: Parameters<Agent["createConnection"]>) {
    const { hostname, port } = this.#address;
    return super.createConnection(
      { ...options, host: hostname, servername: "localhost", port: Number(port) },
      done,
    );
  }
}

/** What a successful call cost. The key must not be in anything that reached the upstream. */
export async function costOf(
  vendor: VendorGateway,
  account: TestAccount,
  creditType: string,
  call: () => Promise<unknown>,
): Promise<number> {
  const before = vendor.forwardedCount();
  const { cost } = await observe(account, creditType, async () => {
    await call();
    const { status, body, headers } = vendor.sent();
    return {
      status,
      headers,
      bytes: body,
      text: body.toString("utf8"),
      json: () => JSON.parse(body.toString("utf8")),
    };
  });
  assert.equal(vendor.forwardedCount(), before + 1);
  const { path, headers, content } = vendor.forwarded();
  const arrived = JSON.stringify([path, headers, content.toString("latin1")]);
  assert.ok(!arrived.includes(account.key), "the key reached the upstream");
  return cost;
}

/** What a call that must fail failed with. It reached no upstream and cost nothing. */
export async function failureOf(
  vendor: VendorGateway,
  account: TestAccount,
  creditType: string,
  call: () => Promise<unknown>,
): Promise<unknown> {
  const [forwarded, balance] = [vendor.forwardedCount(), await account.balance(creditType)];
  const failure = await call().then(
    () => assert.fail("the call succeeded"),
    (error: unknown) => error,
  );
  assert.equal(vendor.forwardedCount(), forwarded, "the refused call reached the upstream");
  assert.equal(await account.balance(creditType), balance);
  return failure;
}
