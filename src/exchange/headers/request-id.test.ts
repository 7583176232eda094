import assert from "node:assert/strict";
import { it } from "node:test";
import { createRequestId } from "./request-id.ts";

it("createRequestId makes distinct UUIDv7s that sort by time", () => {
  const ids = new Set<string>();
  let last = "";
  for (let i = 0; i < 20_000; i++) {
    const id = createRequestId(1_700_000_000_000 + i);
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.ok(id > last);
    last = id;
    ids.add(id);
  }
  assert.equal(ids.size, 20_000);
  assert.equal(Number.parseInt(last.replaceAll("-", "").slice(0, 12), 16), 1_700_000_019_999);
});
