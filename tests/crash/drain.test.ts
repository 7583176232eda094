import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "./eventually.ts";
import { LoggingClient } from "./logging-client.ts";
import { Scene } from "./scene.ts";

const SLOW = 50;
const CLIENTS = 100;

describe("SIGTERM under load", { concurrency: 2 }, () => {
  for (const kind of ["postgres", "pglite"] as const) {
    test(`on ${kind} every request under way is finished, charged and acknowledged`, async (context) => {
      const scene = await Scene.open(context, kind);
      const { upstream, log } = scene;
      const instance = await scene.start();
      const customers = await scene.openCustomers(instance);
      const [customer = customers.poor] = customers.all;
      const load = scene.load({ instance: () => instance, clients: CLIENTS, streamsBreak: true }, customers);
      await load.flows(100, CLIENTS / 2);
      await eventually("the nearly empty account is empty", () => {
        return log.some(({ status }) => status === 402) || undefined;
      });

      // Half of the slow ones are buffered and have sent nothing; the others are charged and have sent their first half.
      const slow = await Promise.all(
        Array.from({ length: SLOW }, async (_, number) => {
          const call = `slow-${number}`;
          const streams = number % 2 === 0;
          const dispatched = upstream.next(call);
          const path = streams ? "/stream" : "/work";
          const ongoing = new LoggingClient(log).begin(instance.gatewayPort, { ...customer, call, path });
          const answer = await dispatched;
          if (streams) {
            answer.sendHead();
            await answer.sendBody(`{"call":"${call}",`);
            await ongoing.until(call);
          }
          return { answer, streams, ended: ongoing.end() };
        }),
      );
      const terminated = instance.terminate();
      let late = 0;
      await eventually("the instance takes no more connections", async () => {
        const call = `late-${late++}`;
        const { status } = await new LoggingClient(log).call(instance.gatewayPort, { ...customer, call });
        return status === undefined || undefined;
      });
      for (const { answer, streams } of slow) {
        if (streams) answer.end(`"rest":true}`);
        else answer.succeed();
      }
      for (const { ended } of slow) {
        const { status, complete, call } = await ended;
        assert.ok(status === 200 && complete, `${call} was under way and is finished`);
      }
      assert.equal((await terminated).code, 0);
      await load.stop();

      // Nothing is waited for: what was set aside was given back before the end.
      const { unanswered } = await scene.settle();
      assert.equal(unanswered, 0, "whatever reached the upstream was answered");
    });
  }
});
