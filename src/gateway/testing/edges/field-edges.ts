import assert from "node:assert/strict";
import { describe } from "node:test";
import { it } from "../rows.ts";
import { ok, type World } from "../world.ts";

/** A request, and what it costs; `400`: it is refused, costs nothing and reaches no upstream. */
type Row = readonly [line: string, headers: readonly string[], is: string | 400];

const ROWS: readonly Row[] = [
  ["GET /tier", ["X-Tier: gold"], "10"],
  ["GET /tier", ["X-Tier: silver"], "1"],
  ["GET /tier", [], "1"],
  ["GET /tier", ["X-Tier: gold", "Connection: keep-alive, X-Tier"], 400],
  ["GET /tier", ["Connection: keep-alive, X-Tier"], "1"],
  ["GET /tier", ["X_Tier: gold"], 400],
  ["GET /tier", ["X-Tier: silver", "x-tier: gold"], 400],
  // Python's strip() takes more away than blanks and tabs.
  ["GET /tier", ["X-Tier: gold\xa0"], 400],
  ["GET /tier", ["X-Tier: silver", "X_Tier: gold"], 400],
  ["GET /tier", ["Range: bytes=0-1"], "2"],
  ["GET /tier", ["Range: bytes=0-1", "Idempotency-Key: r"], 400],
  ["GET /query?mode=full", [], "10"],
  ["GET /query?m%6Fde=f%75ll", [], "10"],
  ["GET /query?mode=lite&modes=full", [], "1"],
  ["GET /query?mode=lite&mode=full", [], 400],
  ["GET /query?mode=lite&m%6Fde=full", [], 400],
  ["GET /query?Mode=full", [], 400],
  ["GET /query?mode[]=full", [], 400],
  ["GET /query?a=1;mode=full", [], 400],
  ["GET /query?mode=full%FF", [], 400],
  ["GET /query?id=%FF", [], 400],
  ["GET /query?id=%", [], 400],
  ["GET /query?other=%FF", [], "1"],
  ["GET /caf%C3%A9/1", [], "4"],
  ["GET /CAF%C3%89/1", [], "4"],
  ["GET /cafe%CC%81/1", [], 400],
  ["GET /caf%C3%A9/e%CC%81", [], 400],
  ["GET /other/e%CC%81", [], "0"],
];

/** What a price reads of the path, the query and the headers is forwarded exactly as it was read, or the request is refused. */
export function describeFields(open: () => World): void {
  describe("a field that a price reads", () => {
    for (const [line, headers, is] of ROWS) {
      it(`${line} ${headers.join(", ")}: ${is}`, async () => {
        const world = open();
        const account = await world.account();
        world.upstream.answers(ok("done"));
        const before = world.upstream.requests.length;
        const response = await world.request(account, line, headers);
        const received = world.upstream.requests.slice(before);
        const { charged, entries } = await account.books();
        if (is === 400) {
          assert.equal(response.status, 400);
          assert.deepEqual([received.length, entries.length], [0, 0]);
          return;
        }
        assert.equal(response.status, 200);
        assert.equal(charged, is);
        for (const header of headers) {
          const [name = "", value] = header.split(": ");
          if (name !== "Connection") assert.equal(received[0]?.header(name.toLowerCase()), value);
        }
      });
    }

    it("two values are two in a window, and one is one", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(ok("done"));
      for (const id of ["%C3%A9", "e", "%C3%A9", "%65", "E"])
        await world.request(account, `GET /query?id=${id}`);
      assert.equal((await account.books()).charged, "3");
    });
  });
}
