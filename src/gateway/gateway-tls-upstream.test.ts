import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { TEST_CERTIFICATE } from "./testing/test-certificate.ts";
import { TlsUpstream } from "./testing/tls-upstream.ts";
import { eventualBooks, ok, World } from "./testing/world.ts";

const UNTIL_CLOSE = 'HTTP/1.1 200 OK\r\n\r\n{"data":[1,2]}';

/** What an upstream over TLS answers costs only when its end is signed, or its length told. */
describe("an upstream over TLS", () => {
  const upstream = new TlsUpstream();
  const authorities = getCACertificates();
  let world: World;
  before(async () => {
    setDefaultCACertificates([...authorities, TEST_CERTIFICATE]);
    const url = `https://localhost:${await upstream.listen()}`;
    const config = {
      upstreams: [
        {
          name: "api",
          url,
          host: undefined,
          pathPrefix: undefined,
          headers: {},
          connectTimeoutMs: 2_000,
          headersTimeoutMs: 2_000,
          bodyTimeoutMs: 2_000,
          maxConnections: 5,
        },
      ],
    };
    world = await new World(await openFakeMeterUnderTest(), { config }).open();
  });
  after(async () => {
    await world.close();
    upstream.close();
    setDefaultCACertificates(authorities);
  });

  for (const line of ["GET /fixed", "GET /results", "GET /rows"]) {
    for (const headers of [[], ["Idempotency-Key: t"]]) {
      it(`${line} without a length is charged after close_notify, and is no answer without${headers.length > 0 ? ", with Idempotency-Key" : ""}`, async () => {
        const account = await world.account();
        upstream.answer = UNTIL_CLOSE;
        for (const end of ["fin", "reset"] as const) {
          upstream.end = end;
          const response = await world.request(account, line, headers);
          assert.ok(response.status === 502 || !response.complete, end);
          await eventualBooks(account, (now) => now.balance === "1000" && now.charged === now.refunded);
        }
        upstream.end = "close_notify";
        const whole = await world.request(account, line, headers);
        assert.deepEqual([whole.status, whole.body.toString()], [200, '{"data":[1,2]}']);
        await eventualBooks(account, (now) => now.balance !== "1000");
      });
    }
  }

  it("with a length is charged without close_notify too", async () => {
    const account = await world.account();
    upstream.answer = ok("whole", ["Connection: close"]);
    upstream.end = "fin";
    assert.equal((await world.request(account, "GET /fixed")).body.toString(), "whole");
    assert.equal((await account.books()).charged, "5");
  });
});
