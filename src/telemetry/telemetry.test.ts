import assert from "node:assert/strict";
import { test } from "node:test";
import { FareboxError } from "../domain/farebox-error.ts";
import { createGatewayTelemetry } from "./gateway-telemetry.ts";
import { createLogger } from "./logger.ts";
import { createMeterTelemetry } from "./meter-telemetry.ts";
import { createMetrics } from "./metrics.ts";
import { createRefusalTelemetry } from "./refusal-telemetry.ts";

function collect() {
  const lines: string[] = [];
  const metrics = createMetrics();
  const logger = createLogger({ level: "info", format: "json", write: (line) => lines.push(line) });
  return { lines, logger, metrics };
}

const subject = { requestId: "r1", accountId: "acc_1", endpoint: "GET /x" };

test("what the meter tells is counted by name, and what needs a look is logged with its request", async () => {
  const { lines, logger, metrics } = collect();
  const events = createMeterTelemetry(metrics.registry, logger);
  events.leaseWaited(4);
  events.countMissing({ ...subject, problem: "no number at /total", charged: 500_000n });
  events.uncollected({ ...subject, creditType: "credits", amount: 1_500_000n });
  events.chargeUnknown(subject);
  events.chargeReversed({ ...subject, amount: 2_000_000n });
  events.heartbeatFailed(new Error("no answer"));
  events.fenced();
  events.taskFailed("refund", new Error("later"), true);
  const text = await metrics.render();
  for (const line of [
    'farebox_lease_wait_seconds_bucket{le="0.005"} 1',
    'farebox_lease_wait_seconds_bucket{le="0.0025"} 0',
    'farebox_counts_missing_total{endpoint="GET /x"} 1',
    'farebox_uncollected_credits_total{credit_type="credits"} 1.5',
    "farebox_charges_unknown_total 1",
    "farebox_charges_reversed_total 1",
    "farebox_heartbeats_failed_total 1",
    "farebox_fenced_total 1",
    'farebox_tasks_failed_total{task="refund"} 1',
  ]) {
    assert.ok(text.includes(`${line}\n`), line);
  }
  assert.equal(lines.length, 7);
  assert.match(lines[1] ?? "", /"requestId":"r1","account":"acc_1","endpoint":"GET \/x".*"amount":"1\.5"/);
});

test("a database that is away is told in one line when it goes, one a minute, and one when it is back; its time is counted", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const { lines, logger, metrics } = collect();
  const events = createMeterTelemetry(metrics.registry, logger);
  const error = new FareboxError("storage_unavailable", "connect ECONNREFUSED", { retryable: true });
  assert.match(await metrics.render(), /^farebox_database_away 0$/m);
  events.heartbeatFailed(error);
  events.taskFailed("release of a lease", error, true);
  assert.equal(lines.length, 0);
  events.databaseAway(error);
  for (let beat = 0; beat < 100; beat += 1) events.heartbeatFailed(error);
  context.mock.timers.tick(120_000);
  const away = await metrics.render();
  assert.match(away, /^farebox_database_away 1$/m);
  assert.doesNotMatch(away, /^farebox_database_away_seconds_total 0$/m);
  assert.match(away, /^farebox_heartbeats_failed_total 101$/m);
  events.databaseBack(125_340);
  context.mock.timers.tick(120_000);
  assert.match(await metrics.render(), /^farebox_database_away 0$/m);
  const told = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
  assert.equal(told.length, 4, told.join());
  assert.match(told[0] ?? "", /is away/);
  assert.match(told[1] ?? "", /still away/);
  assert.match(told[3] ?? "", /back after 125\.3 s/);
  assert.ok(!lines.some((line) => line.includes("stack")));
  events.shardsAway(16);
  assert.match(await metrics.render(), /^farebox_shards_away 16$/m);
  events.shardsBack(16_020);
  assert.match(await metrics.render(), /^farebox_shards_away 0$/m);
  assert.match(lines.splice(4).join(), /a database server is away.*again, after 16\.0 s/s);
  events.taskFailed("release of a lease", error, false);
  assert.equal(lines.length, 5, "what is given up for good is told");
});

test("a refusal is counted once, by its code and the credit type that it names; a client that had gone was told none", async () => {
  const { logger, metrics } = collect();
  const counted: unknown[] = [];
  const refused = createRefusalTelemetry(metrics.registry, (...told) => counted.push(told));
  const events = createGatewayTelemetry(metrics.registry, logger, undefined, refused);
  const exchange = { ...subject, method: "GET", upstreamStatus: undefined, ms: 1 };
  const short = { code: "insufficient_credits", creditType: "search", required: 2n, available: 1n } as const;
  for (const [status, refusal] of [
    [402, short],
    [413, { code: "request_too_large", limitBytes: 1 }],
    [200, undefined],
    [0, { code: "upstream_unreachable" }],
  ] as const) {
    events.finished({ ...exchange, status }, { settlement: undefined, refusal });
  }
  assert.deepEqual(counted, [
    ["insufficient_credits", "search"],
    ["request_too_large", undefined],
  ]);
  assert.match(await metrics.render(), /^farebox_refusals_total{code="request_too_large"} 1$/m);
});

test("what the gateway tells is counted; finished exchanges are logged at debug only", async () => {
  const { lines, logger, metrics } = collect();
  const events = createGatewayTelemetry(metrics.registry, logger);
  const exchange = { requestId: "r1", method: "GET", accountId: "acc_1", upstreamStatus: 200, ms: 12 };
  const outcome = { settlement: undefined, refusal: undefined };
  events.finished({ ...exchange, endpoint: "GET /x", status: 200 }, outcome);
  events.finished({ ...exchange, endpoint: undefined, status: 401 }, outcome);
  events.upstreamFailed({
    requestId: "r1",
    upstream: "default",
    code: "upstream_timeout",
    reason: "too slow",
  });
  events.refunded({ requestId: "r1", reason: "broken" });
  events.detached({ requestId: "r1", finished: true });
  events.usageNotSpliced({ requestId: "r1", endpoint: "GET /x", reason: "no object" });
  events.clientBroken("HPE_INVALID");
  events.socketRefused("127.0.0.1");
  events.certificateLoaded({ expiresAt: new Date(0) });
  events.certificateRefused("it is no certificate");
  events.failed("r1", new Error("broken"));
  const text = await metrics.render();
  for (const line of [
    'farebox_exchanges_total{endpoint="GET /x",status="200"} 1',
    'farebox_exchanges_total{endpoint="none",status="401"} 1',
    'farebox_exchange_seconds_bucket{le="0.025",endpoint="GET /x"} 1',
    'farebox_upstream_failures_total{upstream="default",code="upstream_timeout"} 1',
    "farebox_broken_response_refunds_total 1",
    'farebox_detached_calls_total{finished="true"} 1',
    'farebox_usage_not_spliced_total{endpoint="GET /x"} 1',
    'farebox_clients_broken_total{code="HPE_INVALID"} 1',
    "farebox_sockets_refused_total 1",
    "farebox_certificates_refused_total 1",
    "farebox_faults_total 1",
  ]) {
    assert.ok(text.includes(`${line}\n`), line);
  }
  assert.equal(lines.length, 6);
});
