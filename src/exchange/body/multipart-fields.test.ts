import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readMultipartFields } from "./multipart-fields.ts";

const FIELD = 'Content-Disposition: form-data; name="mode"';

async function valueOf(body: string, chunk = 1_000, boundary = "b"): Promise<unknown> {
  const bytes = Buffer.from(body);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunk) chunks.push(bytes.subarray(at, at + chunk));
  const read = await readMultipartFields(chunks, boundary, ["mode"]);
  return read.kind === "read" ? (read.fields.get("mode")?.value ?? "(missing)") : read.kind;
}

describe("readMultipartFields", () => {
  const whole = `--b\r\nContent-Disposition: form-data; name="x"; filename="y"\r\nContent-Type: image/png\r\n\r\n\r\n--\r\n\r\n--b\r\n${FIELD}\r\n\r\nfull\r\n--b--\r\n`;

  it("reads the same whatever the chunks", async () => {
    for (let chunk = 1; chunk <= whole.length; chunk++) assert.equal(await valueOf(whole, chunk), "full");
  });

  it("is unreadable, cut anywhere but in what follows its end", async () => {
    for (let length = 0; length < whole.length - 2; length++)
      assert.equal(await valueOf(whole.slice(0, length)), "unreadable", whole.slice(0, length));
  });

  it("reads a large body in turns", async () => {
    const file = `--b\r\nContent-Disposition: form-data; name="x"; filename="y"\r\n\r\n${"\r\n-".repeat(40_000)}`;
    assert.equal(await valueOf(`${file}\r\n--b\r\n${FIELD}\r\n\r\nfull\r\n--b--`, 50_000), "full");
  });

  const cases: [what: string, body: string, is: string][] = [
    ["an empty value", `--b\r\n${FIELD}\r\n\r\n\r\n--b--`, ""],
    [
      "a plain text's type",
      `--b\r\n${FIELD}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\na\r\n--b--`,
      "a",
    ],
    [
      "a type of its own",
      `--b\r\n${FIELD}\r\nContent-Type: application/json\r\n\r\n1\r\n--b--`,
      "unreadable",
    ],
    [
      "another charset",
      `--b\r\n${FIELD}\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n1\r\n--b--`,
      "unreadable",
    ],
    [
      "a transfer encoding",
      `--b\r\n${FIELD}\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--b--`,
      "unreadable",
    ],
    ["a name twice in one header", `--b\r\n${FIELD}; name="x"\r\n\r\na\r\n--b--`, "unreadable"],
    ["a name in two ways", `--b\r\n${FIELD}; name*="utf-8''x"\r\n\r\na\r\n--b--`, "unreadable"],
    ["a header twice", `--b\r\n${FIELD}\r\n${FIELD}\r\n\r\na\r\n--b--`, "unreadable"],
    ["an escaped quote", `--b\r\n${FIELD.slice(0, -1)}\\""\r\n\r\na\r\n--b--`, "unreadable"],
    ["a folded header", `--b\r\n${FIELD};\r\n filename="x"\r\n\r\na\r\n--b--`, "unreadable"],
    ["no header", "--b\r\n\r\na\r\n--b--", "unreadable"],
    ["an epilogue", `--b\r\n${FIELD}\r\n\r\na\r\n--b--\r\nx`, "unreadable"],
    ["a boundary that goes on", `--b\r\n${FIELD}\r\n\r\na\r\n--bb\r\n--b--`, "unreadable"],
    ["nothing", "--b--", "(missing)"],
    [
      "the charset's field",
      '--b\r\nContent-Disposition: form-data; name="_charset_"\r\n\r\na\r\n--b--',
      "ambiguous",
    ],
  ];
  for (const [what, body, is] of cases)
    it(`${what}: ${is}`, async () => assert.equal(await valueOf(body), is));

  it("has a boundary that all readers take for one", async () => {
    assert.equal(await valueOf("--a b--", 100, "a b"), "unreadable");
  });
});
