import assert from "node:assert/strict";
import { describe } from "node:test";
import { gzipSync } from "node:zlib";
import { it } from "../rows.ts";
import { ok, type World } from "../world.ts";

const JSON_TYPE = "Content-Type: application/json";
const FORM = "Content-Type: application/x-www-form-urlencoded";
const MULTIPART = "Content-Type: multipart/form-data; boundary=xYx";

interface Row {
  readonly what: string;
  readonly path?: string;
  readonly headers?: readonly string[];
  readonly body: string | Buffer;
  /** What is charged; or the refusal, which costs nothing and reaches no upstream. */
  readonly is: string | 400 | 413 | 415;
}

function deep(levels: number): string {
  return `{"mode":${"[".repeat(levels)}${"]".repeat(levels)}}`;
}

const READ: readonly Row[] = [
  { what: "a field that a price reads", body: '{"mode":"full"}', is: "10" },
  { what: "the same, escaped", body: '{"mo\\u0064e":"f\\u0075ll"}', is: "10" },
  { what: "the same, after a byte order mark", body: '\ufeff{"mode":"full"}', is: "10" },
  { what: "the same, far behind", body: `{"x":"${"x".repeat(100_000)}","mode":"full"}`, is: "10" },
  { what: "the same name elsewhere", body: '{"x":{"mode":"full"}}', is: "1" },
  { what: "another value", body: '{"mode":"lite"}', is: "1" },
  { what: "no such field", body: "{}", is: "1" },
  { what: "no object", body: "[1]", is: "1" },
  { what: "no body at all", headers: [], body: "", is: "1" },
  {
    what: "a charset that is UTF-8",
    headers: [`${JSON_TYPE}; charset="UTF-8"`],
    body: '{"mode":"full"}',
    is: "10",
  },
  { what: "512 levels", body: deep(511), is: "1" },
  { what: "other names twice", body: '{"a":1,"a":2,"mode":"full"}', is: "10" },
];

const UNREADABLE: readonly Row[] = [
  { what: "NaN", body: '{"mode":"full","x":NaN}', is: 415 },
  { what: "a trailing comma", body: '{"mode":"full",}', is: 415 },
  { what: "a comment", body: '{"mode":"full"/**/}', is: 415 },
  { what: "single quotes", body: "{'mode':'full'}", is: 415 },
  { what: "two values", body: '{"mode":"lite"}{"mode":"full"}', is: 415 },
  { what: "a cut body", body: '{"mode":"full"', is: 415 },
  { what: "white space alone", body: "  ", is: 415 },
  { what: "UTF-16", body: Buffer.from('\ufeff{"mode":"full"}', "utf16le"), is: 415 },
  { what: "bytes that are not UTF-8", body: Buffer.from('{"x":"\xff","mode":"full"}', "latin1"), is: 415 },
  { what: "513 levels", body: deep(512), is: 415 },
  { what: "2 MB of nothing but brackets", body: "[".repeat(190_000), is: 415 },
  { what: "no content type", headers: [], body: '{"mode":"full"}', is: 415 },
  { what: "another content type", headers: ["Content-Type: text/plain"], body: '{"mode":"full"}', is: 415 },
  { what: "a form", headers: [FORM], body: "mode=full", is: 415 },
  { what: "multipart", headers: [MULTIPART], body: multipart([["mode", "full"]]), is: 415 },
  { what: "another charset", headers: [`${JSON_TYPE}; charset=utf-16`], body: '{"mode":"full"}', is: 415 },
  {
    what: "two charsets",
    headers: [`${JSON_TYPE}; charset=utf-8; charset=utf-7`],
    body: '{"mode":"full"}',
    is: 415,
  },
  {
    what: "a charset as RFC 2231 says it",
    headers: [`${JSON_TYPE}; charset*=utf-8''utf-7`],
    body: '{"mode":"full"}',
    is: 415,
  },
  { what: "two types in one", headers: [`${JSON_TYPE}, text/plain`], body: '{"mode":"full"}', is: 415 },
  {
    what: "gzip",
    headers: [JSON_TYPE, "Content-Encoding: gzip"],
    body: gzipSync('{"mode":"full"}'),
    is: 415,
  },
];

const AMBIGUOUS: readonly Row[] = [
  { what: "a field twice", body: '{"mode":"lite","mode":"full"}', is: 400 },
  { what: "a field twice, once escaped", body: '{"mode":"lite","mod\\u0065":"full"}', is: 400 },
  { what: "a name in another case", body: '{"Mode":"full"}', is: 400 },
  { what: "a name in another form of Unicode", body: '{"\uff4dode":"full"}', is: 400 },
  { what: "a name with something invisible", body: '{"mo\u200bde":"full"}', is: 400 },
  { what: "a name that a NUL ends", body: '{"mode\\u0000x":"full"}', is: 400 },
  { what: "a window's object with a name twice", body: '{"id":{"a":1,"a":2}}', is: 400 },
];

const FORMS: readonly Row[] = [
  { what: "a form's field", path: "/forms", headers: [FORM], body: "filters[kind]=full", is: "10" },
  {
    what: "the same, encoded",
    path: "/forms",
    headers: [FORM],
    body: "a=b&filters%5Bkind%5D=f%75ll",
    is: "10",
  },
  { what: "a form without it", path: "/forms", headers: [FORM], body: "kind=full", is: "1" },
  {
    what: "a form's field twice",
    path: "/forms",
    headers: [FORM],
    body: "filters[kind]=a&filters[kind]=full",
    is: 400,
  },
  { what: "a list of it", path: "/forms", headers: [FORM], body: "filters[kind][]=full", is: 400 },
  { what: "another case", path: "/forms", headers: [FORM], body: "Filters[kind]=full", is: 400 },
  { what: "behind a semicolon", path: "/forms", headers: [FORM], body: "a=1;filters[kind]=full", is: 400 },
  { what: "a broken encoding", path: "/forms", headers: [FORM], body: "filters[kind]=f%FFull", is: 400 },
  {
    what: "a form's charset",
    path: "/forms",
    headers: [FORM],
    body: "_charset_=utf-7&filters[kind]=full",
    is: 415,
  },
  {
    what: "1,001 fields",
    path: "/forms",
    headers: [FORM],
    body: `${"a=1&".repeat(1_000)}filters[kind]=full`,
    is: 400,
  },
  {
    what: "multipart",
    path: "/forms",
    headers: [MULTIPART],
    body: multipart([
      ["a", "1"],
      ["filters[kind]", "full"],
    ]),
    is: "10",
  },
  {
    what: "multipart without it",
    path: "/forms",
    headers: [MULTIPART],
    body: multipart([["a", "full"]]),
    is: "1",
  },
  {
    what: "multipart with it twice",
    path: "/forms",
    headers: [MULTIPART],
    body: multipart([
      ["filters[kind]", "a"],
      ["filters[kind]", "full"],
    ]),
    is: 400,
  },
  {
    what: "multipart in another case",
    path: "/forms",
    headers: [MULTIPART],
    body: multipart([["filters[Kind]", "full"]]),
    is: 400,
  },
  {
    what: "multipart with line feeds",
    path: "/forms",
    headers: [MULTIPART],
    body: multipart([["filters[kind]", "full"]]).replaceAll("\r\n", "\n"),
    is: 415,
  },
  {
    what: "multipart with a boundary inside",
    path: "/forms",
    headers: [MULTIPART],
    body: multipart([["a", "1\n--xYx\nx"]]),
    is: 415,
  },
  {
    what: "multipart with a preamble",
    path: "/forms",
    headers: [MULTIPART],
    body: `x\r\n${multipart([["a", "1"]])}`,
    is: 415,
  },
  {
    what: "multipart without an end",
    path: "/forms",
    headers: [MULTIPART],
    body: multipart([["filters[kind]", "full"]]).slice(0, -6),
    is: 415,
  },
  {
    what: "a file as the field",
    path: "/forms",
    headers: [MULTIPART],
    body: multipart([['filters[kind]"; filename="x', "full"]]),
    is: 415,
  },
  {
    what: "another type that is JSON",
    path: "/forms",
    headers: ["Content-Type: application/vnd.api+json"],
    body: '{"filters":{"kind":"full"}}',
    is: "10",
  },
  {
    what: "JSON where forms are read",
    path: "/forms",
    headers: [JSON_TYPE],
    body: '{"filters":{"kind":"full"}}',
    is: 415,
  },
];

const DEAREST: readonly Row[] = [
  { what: "the price of what it says", path: "/dearest", body: '{"mode":"lite"}', is: "1" },
  { what: "the price of nothing", path: "/dearest", body: "{}", is: "3" },
  { what: "the dearest when it cannot be read", path: "/dearest", body: '{"mode":"lite",}', is: "7" },
  {
    what: "the dearest in another coding",
    path: "/dearest",
    headers: [JSON_TYPE, "Content-Encoding: gzip"],
    body: gzipSync("{}"),
    is: "7",
  },
  { what: "the dearest of another type", path: "/dearest", headers: [], body: "mode=lite", is: "7" },
  {
    what: "no price when a field is given twice",
    path: "/dearest",
    body: '{"mode":"lite","mode":1}',
    is: 400,
  },
];

/** What a request's body costs that a price reads: never the price of another body than the upstream gets. */
export function describeBodies(open: () => World): void {
  describe("a body that a price reads", () => {
    describeRows(open, "costs what it says", READ);
    describeRows(open, "is not one without fields when it cannot be read", UNREADABLE);
    describeRows(open, "is refused when readers differ on it", AMBIGUOUS);
    describeRows(open, "may be a form", FORMS);
    describeRows(open, "that cannot be read may have the dearest price", DEAREST);
    describeChunked(open);
  });
}

function describeRows(open: () => World, name: string, rows: readonly Row[]): void {
  describe(name, () => {
    for (const { what, path = "/mode", headers = [JSON_TYPE], body, is } of rows) {
      it(`${what}: ${is}`, async () => {
        const world = open();
        const account = await world.account();
        const bytes = Buffer.from(body);
        world.upstream.answers(ok("done"));
        const before = world.upstream.requests.length;
        const framed = bytes.length === 0 ? headers : [...headers, `Content-Length: ${bytes.length}`];
        const response = await world.requestBytes(account, `POST ${path}`, framed, bytes);
        const received = world.upstream.requests.slice(before);
        if (typeof is === "number") {
          assert.equal(response.status, is);
          assert.equal(received.length, 0);
          assert.deepEqual((await account.books()).entries, []);
        } else {
          assert.equal(response.status, 200);
          assert.deepEqual(
            received.map((request) => request.body),
            [bytes],
          );
          assert.equal((await account.books()).charged, is);
        }
      });
    }
  });
}

function describeChunked(open: () => World): void {
  it("in chunks that cut names, escapes and characters is read and forwarded like a whole one", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.answers(ok("done"));
    const body = Buffer.from('{"é":"€","mo\\u0064e":"full"}');
    const chunks = Array.from(body, (byte) => `1\r\n${String.fromCharCode(byte)}\r\n`).join("");
    const framed = Buffer.from(`${chunks}0\r\n\r\n`, "latin1");
    const headers = [JSON_TYPE, "Transfer-Encoding: chunked"];
    assert.equal((await world.requestBytes(account, "POST /mode", headers, framed)).status, 200);
    assert.deepEqual(world.upstream.requests.at(-1)?.body, body);
    assert.equal((await account.books()).charged, "10");
  });

  it("of no bytes in chunks is no body", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.answers(ok("done"));
    const empty = Buffer.from("0\r\n\r\n");
    assert.equal(
      (await world.requestBytes(account, "POST /mode", [JSON_TYPE, "Transfer-Encoding: chunked"], empty))
        .status,
      200,
    );
    assert.equal((await account.books()).charged, "1");
  });
}

function multipart(fields: readonly (readonly [name: string, value: string])[]): string {
  const parts = fields.map(
    ([name, value]) => `--xYx\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return `${parts.join("")}--xYx--\r\n`;
}
