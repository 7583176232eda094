import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { after, before, describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { openFakeMeterUnderTest } from "../../src/gateway/testing/fake-meter-under-test.ts";
import { RawClient } from "../../src/gateway/testing/raw-client.ts";
import {
  eventualBooks,
  type MeterUnderTest,
  requestText,
  type TestAccount,
} from "../../src/gateway/testing/world.ts";
import { beforeHandler } from "../../src/middleware/adapt-node.ts";
import { openMiddleware } from "./open-middleware.ts";

let under: MeterUnderTest;
before(async () => {
  under = await openFakeMeterUnderTest();
});
after(() => under.close());

type Answer = Awaited<ReturnType<RawClient["response"]>>;

/** What a handler's answer becomes at the client. */
async function call(
  handler: (response: ServerResponse) => unknown,
): Promise<{ readonly response: Answer; readonly account: TestAccount }> {
  const listener = beforeHandler(openMiddleware(under), (_request, response) => handler(response));
  const server = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => {
    server.once("listening", resolve);
  });
  const account = await under.openAccount();
  const client = new RawClient((server.address() as AddressInfo).port);
  client.write(requestText(account, "GET /fixed"));
  const response = await client.response();
  client.leave();
  server.closeAllConnections();
  server.close();
  return { response, account };
}

describe("an answer that a handler cannot finish", () => {
  for (const status of [100, 101, 103]) {
    it(`has the status ${status} alone, behind which no other comes: 502 and free`, async () => {
      const { response, account } = await call((answer) => {
        answer.writeHead(status);
        answer.end();
      });
      assert.equal(response.status, 502);
      await account.atRest();
      assert.equal((await account.books()).charged, "0");
    });
  }

  it("comes from a source that fails: who pipes it is told, and what was charged for its beginning is refunded", async () => {
    const told = Promise.withResolvers<unknown>();
    const { response, account } = await call(async (answer) => {
      async function* parts(): AsyncGenerator<string> {
        yield "a part";
        while (!answer.headersSent) await turn();
        throw new Error("the source broke off");
      }
      await pipeline(Readable.from(parts()), answer).catch(told.resolve);
    });
    assert.match(String(await told.promise), /the source broke off/);
    assert.ok(response.status === 502 || !response.complete);
    await account.atRest();
    await eventualBooks(account, ({ charged, refunded }) => charged === refunded);
  });

  it("is destroyed by its handler, which then hears that it is over", async () => {
    const closed = Promise.withResolvers<void>();
    const { response } = await call((answer) => {
      answer.once("close", closed.resolve);
      answer.destroy(new Error("on purpose"));
    });
    assert.equal(response.status, 502);
    await closed.promise;
  });
});
