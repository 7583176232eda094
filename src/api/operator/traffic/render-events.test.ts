import assert from "node:assert/strict";
import { test } from "node:test";
import { TrafficFeed } from "../../../telemetry/traffic-feed.ts";
import { renderEvents } from "./render-events.ts";

const EXCHANGE = {
  requestId: "r1",
  method: "GET",
  endpoint: undefined,
  accountId: undefined,
  status: 401,
  upstreamStatus: undefined,
  ms: 1,
};
const NOTHING = { settlement: undefined, refusal: { code: "key_invalid" } } as const;
const LATER = Number.POSITIVE_INFINITY;

const decode = (part: IteratorResult<Uint8Array>): string =>
  part.done === true ? "the end" : new TextDecoder().decode(part.value);

test("a stream begins, tells requests and gaps, and leaves when it is no longer read", async () => {
  const feed = new TrafficFeed();
  const events = renderEvents(feed.watch(undefined), {
    instance: "ins_1",
    heartbeatMs: 60_000,
    untilMs: LATER,
  });
  assert.equal(decode(await events.next()), 'event: begin\ndata: {"instance":"ins_1"}\n\n');
  const next = events.next();
  feed.tell(EXCHANGE, NOTHING);
  const text = decode(await next);
  assert.match(text, /^event: request\ndata: \{"at":"\d{4}-.*.*"refusal":"key_invalid".*\}\n\n$/);
  for (let count = 0; count < 1_001; count += 1) feed.tell(EXCHANGE, NOTHING);
  assert.match(decode(await events.next()), /^event: gap\ndata: \{"missed":1000\}\n\nevent: request\n/);
  await events.return(undefined);
  assert.equal(feed.readers, 0);
});

test("nothing happens: a comment is sent; its time is over, or the feed is closed: it ends", async () => {
  const feed = new TrafficFeed();
  const quiet = renderEvents(feed.watch(undefined), { instance: "i", heartbeatMs: 1, untilMs: LATER });
  await quiet.next();
  assert.equal(decode(await quiet.next()), ": alive\n\n");
  feed.close();
  assert.equal(decode(await quiet.next()), "the end");
  const over = renderEvents(feed.watch(undefined), { instance: "i", heartbeatMs: 60_000, untilMs: 0 });
  await over.next();
  assert.equal(decode(await over.next()), "the end");
  assert.equal(feed.readers, 0);
});
