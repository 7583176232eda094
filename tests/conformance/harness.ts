import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import type { Upstream } from "../../examples/serve.ts";

import { auditLedger } from "../../src/ledger/audit/audit.ts";
import { type DatabaseTarget, openDatabase } from "../../src/ledger/database/open-database.ts";
import { createTestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { startFarebox } from "../../src/server/main.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import type { TestAccount } from "./account.ts";
import { createOperator } from "./operator.ts";
import { type Recorder, startRecorder } from "./recorder.ts";
import type { Provider } from "./seed.ts";

const EXAMPLES = join(import.meta.dirname, "..", "..", "examples");
const LOOPBACK = { host: "127.0.0.1", port: 0 };

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
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    const failures: unknown[] = [];
    // Each part even when another fails: an open listener would keep the test's process from ending.
    for (const part of closing.splice(0).reverse()) await part().catch((error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
  try {
    return await start(provider, edit, startOther ?? (await importUpstream(provider)), closing, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(
  provider: Provider,
  edit: ((config: string) => string) | undefined,
  startUpstream: () => Promise<Upstream>,
  closing: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<TestProvider> {
  const upstream = await startUpstream();
  closing.push(() => upstream.close());
  const recorder = await startRecorder(upstream.url);
  closing.push(() => recorder.close());
  const folder = await mkdtemp(join(tmpdir(), "farebox-conformance-"));
  closing.push(() => rm(folder, { recursive: true }));
  const original = readFileSync(join(EXAMPLES, provider, "farebox.yaml"), "utf8");
  const text = edit === undefined ? original : change(original, edit);
  const config = join(folder, "farebox.yaml");
  await writeFile(config, text.replace(/^upstream: .*$/m, `upstream: ${recorder.url}`));
  const database = await createTestDatabase("pglite");
  closing.push(() => database.drop());
  const running = await startFarebox({
    config,
    database: database.target,
    dataDirectory: folder,
    listen: LOOPBACK,
    operatorListen: LOOPBACK,
    operatorToken: undefined,
    logger: createLogger({ level: "silent", format: "json" }),
    version: "test",
  });
  closing.push(
    () => auditBooks(database.target),
    () => running.close(),
  );
  const operator = createOperator(running.operator, running.operatorToken.token);
  closing.push(() => operator.checkBooks());
  return {
    gateway: running.gateway,
    recorder,
    openAccount: (grants, plan) => operator.openAccount(grants, plan),
    operator: { url: running.operator, token: running.operatorToken.token },
    publishPrices(editPrices, effectiveAt) {
      const file = parse(change(original, editPrices)) as { prices: unknown; unpriced: unknown };
      return operator.publishPrices(file.prices, file.unpriced, effectiveAt);
    },
    close,
  };
}

async function importUpstream(provider: Provider): Promise<() => Promise<Upstream>> {
  const { startUpstream } = (await import(join(EXAMPLES, provider, "upstream.ts"))) as {
    startUpstream: () => Promise<Upstream>;
  };
  return startUpstream;
}

/** With nothing running any more: the books must be exact, and nothing may be held. */
async function auditBooks(target: DatabaseTarget): Promise<void> {
  const database = await openDatabase(target);
  try {
    const report = await auditLedger(database, { atRest: true });
    assert.deepEqual(report.findings, []);
    assert.ok(report.entries > 0, "there are books to audit");
  } finally {
    await database.close();
  }
}

/** An edit that finds nothing to change would test something else than it says. */
function change(original: string, edit: (config: string) => string): string {
  const edited = edit(original);
  assert.notEqual(edited, original, "the edit changed nothing");
  return edited;
}
