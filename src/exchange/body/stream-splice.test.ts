import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BodyScan, scanBody, spliceMember } from "./json-splice.ts";
import { StreamSplice } from "./stream-splice.ts";

const USAGE = '{"n":1}';

/** The body in pieces, each scanned before it is taken, or all scanned ahead. */
function splice(body: string, cuts: readonly number[], isAhead = false): string {
  const bytes = Buffer.from(body);
  const scan = new BodyScan(undefined, ["usage"]);
  const stream = new StreamSplice(scan);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  const pieces = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
  if (isAhead) for (const piece of pieces) scan.write(piece);
  const sent = pieces.map((piece) => {
    if (!isAhead) scan.write(piece);
    return stream.take(piece);
  });
  return Buffer.concat([...sent, stream.end(USAGE)]).toString();
}

const members = fc.array(
  fc.tuple(
    fc.constantFrom("a", "b", "usage", "us\\u0061ge", "usages", ""),
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom("", " ", "\n\t"),
  ),
  { maxLength: 6 },
);
const places = fc.array(fc.nat(), { maxLength: 12 });

function render(list: readonly (readonly [string, unknown, string])[]): string {
  const texts = list.map(
    ([name, value, space]) => `${space}"${name}"${space}:${JSON.stringify(value)}${space}`,
  );
  return `{${texts.join(",")}}\n`;
}

describe("StreamSplice", () => {
  it("puts the member before the closing brace, wherever the pieces end, and keeps every other member to the byte", () => {
    fc.assert(
      fc.property(members, places, fc.boolean(), (list, cuts, isAhead) => {
        const isForged = ([name]: readonly [string, unknown, string]): boolean =>
          name === "usage" || name === "us\\u0061ge";
        const kept = render(list.filter((member) => !isForged(member)));
        const isOnly = list.every(isForged);
        const expected = kept.replace(/\}\n$/, `${isOnly ? "" : ","}"usage":${USAGE}}\n`);
        // The space behind a member that goes stays: it belongs to nobody.
        const found = splice(render(list), cuts, isAhead);
        assert.deepEqual(JSON.parse(found), JSON.parse(expected));
        if (!list.some(isForged)) assert.equal(found, expected);
      }),
      { numRuns: 3_000 },
    );
  });

  it("leaves what is no JSON object as it was", () => {
    for (const body of [
      "[1,2]",
      '"{}"',
      "1",
      "",
      '{"a":1',
      '{"a":1}x',
      '{"a":1}\n{"b":2}\n',
      "{'a':1}",
      "a,b",
      '{"a":1,}',
    ]) {
      for (const cut of [0, 1, 3, 5]) assert.equal(splice(body, [cut]), body);
    }
  });

  it("sends all but the end at once, and holds back no value", () => {
    const scan = new BodyScan(undefined, ["usage"]);
    const stream = new StreamSplice(scan);
    const take = (text: string): string => {
      scan.write(Buffer.from(text));
      return stream.take(Buffer.from(text)).toString();
    };
    assert.equal(take('\n{"data": ['), '\n{"data": [');
    assert.equal(take("1,2"), "1,2");
    assert.equal(take("]"), "]");
    assert.equal(take(' , "us'), "");
    assert.equal(take('er":'), ' , "user":');
    assert.equal(take('{}, "usage'), "{}");
    assert.equal(take(`":"${"x".repeat(1_000_000)}`), "");
    assert.equal(take('y"'), "");
    assert.equal(take(" }"), " ");
    assert.equal(take("\n"), "");
    assert.equal(stream.end("7").toString(), ',"usage":7}\n');
  });

  it("does not pile up what comes between two members", () => {
    const scan = new BodyScan(undefined, ["usage"]);
    const stream = new StreamSplice(scan);
    const space = Buffer.from(`{"a":1${" ".repeat(70_000)}`);
    scan.write(space);
    assert.throws(() => stream.take(space), RangeError);
  });

  it("agrees with the splice of a whole body", () => {
    fc.assert(
      fc.property(members, (list) => {
        const body = render(list);
        const bytes = Buffer.from(body);
        const { splice: point } = scanBody(bytes, undefined, ["usage"]);
        assert.ok(point !== undefined);
        const whole: unknown = JSON.parse(Buffer.concat(spliceMember(bytes, point, USAGE)).toString());
        assert.deepEqual(whole, JSON.parse(splice(body, [])));
      }),
      { numRuns: 500 },
    );
  });
});
