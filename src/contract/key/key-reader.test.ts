import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createKeyReader } from "./key-reader.ts";

const KEY = "fbx_abc";

describe("a bearer key", () => {
  const read = createKeyReader([{ header: "Authorization", schemes: ["Bearer", "Token"] }]);

  it("is read under each of the schemes, in any letter case", () => {
    for (const scheme of ["Bearer", "bearer", "BEARER", "Token", "token"]) {
      assert.deepEqual(read(["Authorization", `${scheme} ${KEY}`]), { key: KEY, ambiguous: false });
    }
  });

  it("is read in any letter case of the header's name, with spaces around the key", () => {
    assert.deepEqual(read(["Host", "x", "AUTHORIZATION", `  Bearer   ${KEY} `]), {
      key: KEY,
      ambiguous: false,
    });
  });

  it("is missing without the header, and when the header is empty", () => {
    assert.deepEqual(read(["Host", "x"]), { key: undefined, ambiguous: false });
    assert.deepEqual(read(["Authorization", "  "]), { key: undefined, ambiguous: false });
    assert.deepEqual(read([]), { key: undefined, ambiguous: false });
  });

  it("is empty, which no key is, under another scheme or none", () => {
    for (const text of [`Basic ${KEY}`, KEY, "Bearer", "Bearer ", `Bearer${KEY}`]) {
      assert.deepEqual(read(["Authorization", text]), { key: "", ambiguous: false }, text);
    }
  });

  it("is ambiguous when the header comes twice, the same key or not", () => {
    for (const second of [KEY, "fbx_other"]) {
      const headers = ["Authorization", `Bearer ${KEY}`, "authorization", `Bearer ${second}`];
      assert.deepEqual(read(headers), { key: undefined, ambiguous: true });
    }
  });
});

describe("a key in a header of its own", () => {
  const read = createKeyReader([{ header: "api_key" }]);

  it("is the header's text", () => {
    assert.deepEqual(read(["api_key", KEY]), { key: KEY, ambiguous: false });
    assert.deepEqual(read(["API_KEY", `Bearer ${KEY}`]), { key: `Bearer ${KEY}`, ambiguous: false });
  });

  it("is not read from headers whose name only looks alike", () => {
    assert.equal(read(["api-key", KEY, "xapi_key", KEY]).key, undefined);
  });
});

describe("several places", () => {
  const read = createKeyReader([{ header: "Authorization", schemes: ["Bearer"] }, { header: "X-Api-Key" }]);

  it("may hold the key each, or both the same one", () => {
    assert.equal(read(["X-Api-Key", KEY]).key, KEY);
    assert.equal(read(["Authorization", `Bearer ${KEY}`]).key, KEY);
    assert.deepEqual(read(["X-Api-Key", KEY, "Authorization", `Bearer ${KEY}`]), {
      key: KEY,
      ambiguous: false,
    });
  });

  it("are ambiguous with two keys", () => {
    const headers = ["X-Api-Key", KEY, "Authorization", "Bearer fbx_other"];
    assert.deepEqual(read(headers), { key: undefined, ambiguous: true });
  });

  it("are read past a scheme that is not ours", () => {
    assert.equal(read(["Authorization", "Basic eDp5", "X-Api-Key", KEY]).key, KEY);
  });
});

describe("Basic credentials", () => {
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
  const user = createKeyReader([{ header: "Authorization", basic: "user" }]);
  const password = createKeyReader([{ header: "Authorization", basic: "password" }]);

  it("hold the key as user name or as password", () => {
    for (const text of [`${KEY}:`, `${KEY}:x`, `${KEY}:a:b`]) {
      assert.deepEqual(user(["Authorization", basic(text)]), { key: KEY, ambiguous: false }, text);
    }
    for (const text of [`:${KEY}`, `api:${KEY}`]) {
      assert.deepEqual(password(["authorization", basic(text)]), { key: KEY, ambiguous: false }, text);
    }
    assert.equal(password(["Authorization", basic("api:a:b")]).key, "a:b");
  });

  it("hold no key in any other form", () => {
    const wrong = [
      basic(KEY),
      basic(":"),
      "Basic",
      "Basic !!",
      `Bearer ${KEY}`,
      `Basic ${"A".repeat(2_004)}`,
      basic(":x"),
    ];
    for (const text of wrong)
      assert.deepEqual(user(["Authorization", text]), { key: "", ambiguous: false }, text);
  });

  it("stand beside a bearer key in the same header", () => {
    const either = createKeyReader([
      { header: "Authorization", schemes: ["Bearer"] },
      { header: "Authorization", basic: "user" },
    ]);
    assert.equal(either(["Authorization", `Bearer ${KEY}`]).key, KEY);
    assert.equal(either(["Authorization", basic(`${KEY}:`)]).key, KEY);
  });
});

describe("a key in the query beside one in a header", () => {
  const read = createKeyReader([{ header: "X-Api-Key" }]);
  const inQuery = (key: string) => ({ key, ambiguous: false });

  it("is the same key or makes the request ambiguous", () => {
    assert.equal(read([], inQuery(KEY)).key, KEY);
    assert.deepEqual(read(["X-Api-Key", KEY], inQuery(KEY)), { key: KEY, ambiguous: false });
    assert.equal(read(["X-Api-Key", "fbx_other"], inQuery(KEY)).ambiguous, true);
    assert.equal(read([], { key: undefined, ambiguous: true }).ambiguous, true);
  });
});
