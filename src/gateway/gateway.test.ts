import { after, before, describe, it } from "node:test";
import { describeAnswers } from "./testing/edges/answer-edges.ts";
import { describeBodies } from "./testing/edges/body-edges.ts";
import { describeBroken } from "./testing/edges/broken-edges.ts";
import { describeCharging } from "./testing/edges/charging-edges.ts";
import { describeClients } from "./testing/edges/client-edges.ts";
import { describeCodings } from "./testing/edges/coding-edges.ts";
import { describeEarlyAnswers } from "./testing/edges/early-edges.ts";
import { describeFields } from "./testing/edges/field-edges.ts";
import { describeIdempotency } from "./testing/edges/idempotency-edges.ts";
import { describeStreams } from "./testing/edges/stream-edges.ts";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { World } from "./testing/world.ts";

describe("gateway", () => {
  let world: World;
  before(async () => {
    world = await new World(await openFakeMeterUnderTest()).open();
  });
  after(() => world.close());
  const open = (): World => world;

  describeCharging(open);
  describeBodies(open);
  describeFields(open);
  describeBroken(open);
  describeStreams(open);
  describeClients(open);
  describeIdempotency(open);
  describeAnswers(open);
  describeCodings(open);
  describeEarlyAnswers(open);

  it("holds nothing at rest", () => world.atRest());
});
