import { after, before, describe, it } from "node:test";
import { describeAnswers } from "./testing/edges/answer-edges.ts";
import { describeBroken } from "./testing/edges/broken-edges.ts";
import { describeCharging } from "./testing/edges/charging-edges.ts";
import { describeClients } from "./testing/edges/client-edges.ts";
import { describeIdempotency } from "./testing/edges/idempotency-edges.ts";
import { describeStreams } from "./testing/edges/stream-edges.ts";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { certificateFile } from "./testing/http2-client.ts";
import { World } from "./testing/world.ts";

const TLS = { cert: certificateFile("first.pem"), key: certificateFile("first.key"), maxStreams: 20 };

/** The decisions are the same over HTTP/2: the same rows, each sent on a stream. */
describe("gateway over HTTP/2", () => {
  let world: World;
  before(async () => {
    world = await new World(await openFakeMeterUnderTest(), { listener: { tls: TLS } }).open();
  });
  after(() => world.close());
  const open = (): World => world;

  describeCharging(open);
  describeBroken(open);
  describeStreams(open);
  describeClients(open);
  describeIdempotency(open);
  describeAnswers(open);

  it("holds nothing at rest", () => world.atRest());
});
