import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { Upstream } from "../../examples/serve.ts";
import type { TestAccount } from "./account.ts";
import { Closing } from "./closing.ts";
import { type Recorder, startRecorder } from "./recorder.ts";
import type { Provider } from "./seed.ts";
import { startGateway } from "./start-gateway.ts";

const EXAMPLES = join(import.meta.dirname, "..", "..", "examples");

/** A provider in full: gateway, operator API, ledger, the example's upstream behind a recorder. */
export interface TestProvider {
  /** `http://127.0.0.1:<port>` */
  readonly gateway: string;
  readonly recorder: Recorder;
  /** A new account with grants by credit type and one key. */
  openAccount(grants: Readonly<Record<string, number>>, plan?: string): Promise<TestAccount>;
  /** Where operators reach it, and with what. */
  readonly operator: { readonly url: string; readonly token: string };
  /** Publishes the prices of the edited configuration, from now on when `effectiveAt` is undefined; their version. */
  publishPrices(edit: (config: string) => string, effectiveAt?: Date): Promise<number>;
  /** Stops everything and audits the ledger: a test file whose books are not exact fails here. */
  close(): Promise<void>;
}

/**
 * Starts an example with its own farebox.yaml (edited, where a rule needs another plan or price) on a fresh PGlite
 * database, in front of its own upstream or of another one. When it cannot be started, nothing of it is left running.
 */
export async function startProvider(
  provider: Provider,
  edit?: (config: string) => string,
  startOther?: () => Promise<Upstream>,
): Promise<TestProvider> {
  const closing = new Closing();
  return await closing.guard(async () =>
    start(provider, edit, startOther ?? (await importUpstream(provider)), closing),
  );
}

async function start(
  provider: Provider,
  edit: ((config: string) => string) | undefined,
  startUpstream: () => Promise<Upstream>,
  closing: Closing,
): Promise<TestProvider> {
  const upstream = await startUpstream();
  closing.add(() => upstream.close());
  const recorder = await startRecorder(upstream.url);
  closing.add(() => recorder.close());
  const original = readFileSync(join(EXAMPLES, provider, "farebox.yaml"), "utf8");
  const running = await startGateway(edit === undefined ? original : change(original, edit), recorder.url);
  closing.add(() => running.close());
  const { operator } = running;
  return {
    gateway: running.gateway,
    recorder,
    openAccount: (grants, plan) => operator.openAccount(grants, plan),
    operator: running.operatorDoor,
    publishPrices(editPrices, effectiveAt) {
      const file = parse(change(original, editPrices)) as { prices: unknown; unpriced: unknown };
      return operator.publishPrices(file.prices, file.unpriced, effectiveAt);
    },
    close: () => closing.close(),
  };
}

async function importUpstream(provider: Provider): Promise<() => Promise<Upstream>> {
  const { startUpstream } = (await import(join(EXAMPLES, provider, "upstream.ts"))) as {
    startUpstream: () => Promise<Upstream>;
  };
  return startUpstream;
}

/** An edit that finds nothing to change would test something else than it says. */
export function change(original: string, edit: (config: string) => string): string {
  const edited = edit(original);
  assert.notEqual(edited, original, "the edit changed nothing");
  return edited;
}
