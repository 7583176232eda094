import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createQueryReader } from "./query-keys.ts";

const read = createQueryReader(["api_key", "key"]);
const found = (key: string) => ({ key, ambiguous: false });
const NONE = { key: undefined, ambiguous: false };

describe("a key in the query", () => {
  const rows: readonly (readonly [query: string, rest: string, key: string | undefined])[] = [
    ["?api_key=K", "", "K"],
    ["?api_key=K&a=1", "?a=1", "K"],
    ["?a=1&api_key=K", "?a=1", "K"],
    ["?a=1&api_key=K&b=%20+%2B&&c", "?a=1&b=%20+%2B&&c", "K"],
    ["?&api_key=K", "?", "K"],
    ["?api%5Fkey=K&a", "?a", "K"],
    ["?API_KEY=K&a", "?a", "K"],
    ["?api_key=a%2Bb%3D&a", "?a", "a+b="],
    ["?api_key=a+b==", "", "a+b=="],
    ["?api_key=%FF", "", "\u00ff"],
    ["?api_key=&a=1", "?a=1", undefined],
    ["?api_key&a=1", "?a=1", undefined],
    ["?my_api_key=K&api-key=K&keys=K&a=key", "?my_api_key=K&api-key=K&keys=K&a=key", undefined],
    ["?key=key_0123456789abcdef", "?key=key_0123456789abcdef", undefined],
    ["?", "?", undefined],
    ["", "", undefined],
  ];
  for (const [query, rest, key] of rows) {
    it(`${JSON.stringify(query)} leaves ${JSON.stringify(rest)}`, () => {
      assert.deepEqual(read(query), { query: rest, found: key === undefined ? NONE : found(key) });
    });
  }

  const ambiguous = [
    "?api_key=K&api_key=K",
    "?api_key=K&api_key=L",
    "?api_key=K&key=L",
    "?api_key=K&API_KEY=",
    "?api_key[]=K",
    "?api_key%5B0%5D=K",
    "?api.key=K",
    "?api%20key=K",
    "?a=1;api_key=K",
    "?a=1;b=2;api%5Fkey=K",
  ];
  for (const query of ambiguous) {
    it(`${query} may be read in two ways`, () => {
      assert.deepEqual(read(query), { query: "", found: { key: undefined, ambiguous: true } });
    });
  }

  it("is taken out wherever it stands, and every other byte stays", () => {
    const piece = fc.stringMatching(/^[a-d0-9=%+~.]{0,8}$/);
    fc.assert(
      fc.property(
        fc.array(piece),
        fc.array(piece),
        fc.stringMatching(/^[A-Za-z0-9_]{1,40}$/),
        (head, tail, key) => {
          const query = `?${[...head, `api_key=${key}`, ...tail].join("&")}`;
          const rest = [...head, ...tail];
          assert.deepEqual(read(query), {
            query: rest.length === 0 ? "" : `?${rest.join("&")}`,
            found: found(key),
          });
        },
      ),
    );
  });

  it("is not looked for where the contract reads none", () => {
    assert.deepEqual(createQueryReader([])("?api_key=K"), { query: "?api_key=K", found: NONE });
  });
});
