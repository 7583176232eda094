import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { createGatewayTelemetry } from "./gateway-telemetry.ts";
import { createLogger } from "./logger.ts";
import { TrafficFeed } from "./traffic-feed.ts";

const EXCHANGE = {
  requestId: "r1",
  method: "GET",
  endpoint: "GET /x",
  accountId: "acc_1",
  status: 200,
  upstreamStatus: 200,
  ms: 12,
};
const PAID = { settlement: { creditType: "credits", charged: 5n, units: 1 }, refusal: undefined };

test("what the gateway tells reaches everybody who watches, from when they began", async () => {
  const feed = new TrafficFeed();
  const events = createGatewayTelemetry(
    new Registry(),
    createLogger({ level: "silent", format: "json" }),
    feed,
  );
  events.finished(EXCHANGE, PAID);
  const [one, other] = [feed.watch(undefined), feed.watch("acc_2")];
  assert.equal(feed.isWatched, true);
  const waiting = one.waiting();
  events.finished(EXCHANGE, PAID);
  await waiting;
  events.finished(
    { ...EXCHANGE, accountId: "acc_2", status: 402 },
    { settlement: undefined, refusal: { code: "idempotency_in_progress" } },
  );
  const { missed, lines } = one.take();
  assert.equal(missed, 0);
  assert.deepEqual(
    lines.map(({ accountId, status, charged, creditType, refusal }) => [
      accountId,
      status,
      charged,
      creditType,
      refusal,
    ]),
    [
      ["acc_1", 200, 5n, "credits", null],
      ["acc_2", 402, 0n, null, "idempotency_in_progress"],
    ],
  );
  assert.deepEqual(
    other.take().lines.map(({ accountId }) => accountId),
    ["acc_2"],
  );
  assert.deepEqual(one.take(), { missed: 0, lines: [] });
  one.leave();
  other.leave();
  assert.equal(feed.isWatched, false);
});

test("a slow reader loses lines and is told how many; others lose none", () => {
  const feed = new TrafficFeed();
  const [slow, quick] = [feed.watch(undefined), feed.watch(undefined)];
  let seen = 0;
  for (let count = 0; count < 2_500; count += 1) {
    feed.tell(EXCHANGE, PAID);
    const { lines, missed } = quick.take();
    seen += lines.length + missed * 1_000_000;
  }
  assert.equal(seen, 2_500);
  const { missed, lines } = slow.take();
  assert.equal(missed + lines.length, 2_500);
  assert.ok(lines.length <= 1_000);
});

test("closing ends every reader, also one that waits", async () => {
  const feed = new TrafficFeed();
  const reader = feed.watch(undefined);
  const waiting = reader.waiting();
  feed.close();
  await waiting;
  assert.equal(reader.isOver, true);
  assert.equal(feed.readers, 0);
  await reader.waiting();
  assert.equal(feed.watch(undefined).isOver, true);
  assert.equal(feed.isWatched, false);
});
