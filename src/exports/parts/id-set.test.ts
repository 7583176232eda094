import assert from "node:assert/strict";
import { test } from "node:test";
import { ID_BYTES, IdSet } from "./id-set.ts";

const COUNT = 20_000;

test("each id is new once, also after its hashes were read back, in any order", () => {
  const set = new IdSet();
  const hashes: Uint8Array[] = [];
  for (let id = 0; id < COUNT; id += 1) {
    assert.equal(set.has(`id ${id}`), false);
    const bytes = set.add(`id ${id}`) ?? assert.fail(`id ${id} is new`);
    assert.equal(bytes.length, ID_BYTES);
    hashes.push(bytes);
  }
  const again = new IdSet();
  // The one hash that marks a free place is an id like any other.
  again.addAll(new Uint8Array(ID_BYTES));
  again.addAll(Buffer.concat(hashes.toReversed()));
  again.addAll(Buffer.concat(hashes));
  for (let id = COUNT - 1; id >= 0; id -= 1) {
    assert.equal(set.add(`id ${id}`), undefined);
    assert.equal(again.add(`id ${id}`), undefined);
    assert.equal(again.has(`id ${id}`), true);
  }
  assert.ok(again.add("another"));
});
