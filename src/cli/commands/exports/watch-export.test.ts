import assert from "node:assert/strict";
import { test } from "node:test";
import type { z } from "zod";
import type { accountExportBody } from "../../../api/wire/export.ts";
import type { OperatorClient } from "../../operator/operator-client.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import { renderExport } from "./render-export.ts";
import { watchExport } from "./watch-export.ts";

type Export = z.infer<typeof accountExportBody>;

function jobOf(state: Export["state"], records: number): Export {
  return {
    id: "019a1b2c-3d4e-7f50-8a9b-0c1d2e3f4a5b",
    state,
    endpoint: "POST /v2/exports/company",
    creditType: "credits",
    price: 0.5,
    policy: "all",
    chargeAt: "completion",
    format: "jsonl",
    gzip: true,
    maxRecords: 100,
    estimate: 50,
    held: 50,
    charged: null,
    progress: { records, expected: 80, files: Math.ceil(records / 10), bytes: 100 * records, leftOut: 0 },
    failure: null,
    createdAt: "2026-08-01T00:00:00.000Z",
    startedAt: null,
    readyAt: null,
    chargedAt: null,
    endedAt: null,
    expiresAt: null,
    account: "acc_1a2B3c4D5e6F7g8H",
    key: "key_1a2B3c4D5e6F7g8H",
    priceList: 3,
  };
}

const STEPS = [jobOf("running", 40), jobOf("charged", 80)] as const;

/** What a watch from `queued` on writes. */
async function watch(
  interactive: boolean,
  asJson: boolean,
): Promise<{ out: string; err: string; last: Export }> {
  const written = { out: "", err: "" };
  const terminal: Terminal = {
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    interactive,
  };
  const answers = [...STEPS];
  // A watch asks nothing else of the client.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const client = { get: () => Promise.resolve(answers.shift()) } as unknown as OperatorClient;
  const last = await watchExport(terminal, client, jobOf("queued", 0), asJson);
  return { ...written, last };
}

test("a terminal gets a bar that moves, and is left clean", async () => {
  const { out, err, last } = await watch(true, false);
  assert.equal(out, "");
  const shown = err.split("\r\u001B[K").slice(1);
  assert.deepEqual(shown, [
    `${last.id}: [${"-".repeat(24)}] queued, 0 of 80 records in 0 files`,
    `${last.id}: [${"#".repeat(12)}${"-".repeat(12)}] running, 40 of 80 records in 4 files`,
    "",
  ]);
  assert.equal(last.state, "charged");
});

test("a log gets lines now and then, programs a JSON line for each change", async () => {
  const { out, err } = await watch(false, false);
  assert.deepEqual([out, err], ["", `${STEPS[0].id}: queued, 0 of 80 records in 0 files\n`]);
  const programs = await watch(true, true);
  assert.equal(programs.err, "");
  const lines = programs.out.trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as Export).progress.records),
    [0, 40],
  );
});

test("an export is told in lines, with what it costs and why it failed", () => {
  const failed = { ...jobOf("failed", 40), failure: { code: "export_source_refused", message: "422" } };
  const text = renderExport(failed);
  for (const part of [
    "failed, 40 of 80 records",
    "0.5 credits for a record",
    "estimate: 50",
    "export_source_refused: 422",
  ]) {
    assert.ok(text.includes(part), part);
  }
  assert.match(renderExport({ ...jobOf("charged", 80), charged: 40 }), /charged: 40 credits/);
});
