import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { ID_BYTES, IdSet } from "./id-set.ts";

const COUNT = 20_000;

test("each id is new once, also after its hashes were read back, in any order", () => {
  const set = new IdSet();
  const hashes = new DataView(new ArrayBuffer(COUNT * ID_BYTES));
  for (let id = 0; id < COUNT; id += 1) {
    assert.equal(set.has(`id ${id}`), false);
    assert.equal(set.add(`id ${id}`, hashes, id * ID_BYTES), true, `id ${id} is new`);
  }
  const first = Buffer.from(hashes.buffer, 0, ID_BYTES);
  assert.equal(first.toString("hex"), hash("sha256", "id 0", "hex").slice(0, 16));
  const again = new IdSet();
  // The one hash that marks a free place is an id like any other.
  again.addAll(new Uint8Array(ID_BYTES));
  for (let id = COUNT - 1; id >= 0; id -= 1) {
    again.addAll(new Uint8Array(hashes.buffer, id * ID_BYTES, ID_BYTES));
  }
  again.addAll(new Uint8Array(hashes.buffer));
  const untouched = new DataView(new ArrayBuffer(ID_BYTES));
  for (let id = COUNT - 1; id >= 0; id -= 1) {
    assert.equal(set.add(`id ${id}`, untouched, 0), false);
    assert.equal(again.add(`id ${id}`, untouched, 0), false);
    assert.equal(again.has(`id ${id}`), true);
  }
  assert.deepEqual(untouched, new DataView(new ArrayBuffer(ID_BYTES)));
  assert.equal(again.add("another", untouched, 0), true);
});
