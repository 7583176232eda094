import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { auditLedger } from "../../src/ledger/audit/audit.ts";
import { type DatabaseTarget, openDatabase } from "../../src/ledger/database/open-database.ts";
import { createTestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { startFarebox } from "../../src/server/main.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { Closing } from "./closing.ts";
import { createOperator, type Operator } from "./operator.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

/** A Farebox in full: gateway, operator API, ledger. */
export interface StartedGateway {
  /** `http://127.0.0.1:<port>` */
  readonly gateway: string;
  readonly operator: Operator;
  /** Where operators reach it, and with what. */
  readonly operatorDoor: { readonly url: string; readonly token: string };
  /** Stops everything and audits the ledger: a test file whose books are not exact fails here. */
  close(): Promise<void>;
}

/** Starts a Farebox of this configuration on a fresh PGlite database, in front of this upstream in the place of its own. */
export async function startGateway(config: string, upstream: string): Promise<StartedGateway> {
  const closing = new Closing();
  return await closing.guard(async () => {
    const folder = await mkdtemp(join(tmpdir(), "farebox-conformance-"));
    closing.add(() => rm(folder, { recursive: true }));
    const file = join(folder, "farebox.yaml");
    await writeFile(file, config.replace(/^upstream: .*$/m, `upstream: ${upstream}`));
    const database = await createTestDatabase("pglite");
    closing.add(() => database.drop());
    const running = await startFarebox({
      config: file,
      database: database.target,
      dataDirectory: folder,
      listen: LOOPBACK,
      operatorListen: LOOPBACK,
      operatorToken: undefined,
      logger: createLogger({ level: "silent", format: "json" }),
      version: "test",
    });
    closing.add(() => auditBooks(database.target));
    closing.add(() => running.close());
    const operatorDoor = { url: running.operator, token: running.operatorToken.token };
    const operator = createOperator(operatorDoor.url, operatorDoor.token);
    closing.add(() => operator.checkBooks());
    return { gateway: running.gateway, operator, operatorDoor, close: () => closing.close() };
  });
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
