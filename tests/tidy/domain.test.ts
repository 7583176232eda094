import assert from "node:assert/strict";
import { test } from "node:test";
import { isTestCode } from "./arrows.ts";
import { parseSource, readSources } from "./imports.ts";
import { countNames, findImpure } from "./pure-code.ts";

const sources = readSources();
const domain = sources.filter(({ path }) => path.startsWith("src/domain/") && !isTestCode(path));

test("domain has no clock, randomness or world: only the language", () => {
  const impure = domain.flatMap(({ path, program }) =>
    findImpure(program()).map((what) => `${path}: ${what}`),
  );
  assert.deepEqual(impure, []);
});

const IMPURE: readonly (readonly [text: string, what: RegExp])[] = [
  ["const at = Date.now();", /^Date\.now$/],
  ["const at = new Date();", /^Date itself$/],
  ["const at = Date();", /^Date itself$/],
  ["const { now } = Date;", /^Date itself$/],
  ['const at = Date["now"]();', /^Date itself$/],
  ["const at = new Date(2026, 0);", /^Date itself$/],
  ["const hour = new Date(0).getHours();", /^getHours goes by the process's zone or language$/],
  ["const text = new Date(0).toLocaleString();", /^toLocaleString goes by/],
  ["const at = performance.now();", /^performance is not/],
  ["const at = globalThis.performance.now();", /^globalThis is not/],
  ["const at = process.hrtime();", /^process is not/],
  ["const at = Temporal.Now.instant();", /^Temporal is not/],
  ["const text = new Intl.DateTimeFormat().format();", /^format\(\) formats/],
  ["const part = Math.random();", /^Math\.random$/],
  ["const { random } = Math;", /^Math itself$/],
  ["const part = (Math as { random(): number }).random();", /^Math itself$/],
  ["const id = crypto.randomUUID();", /^crypto is not/],
  ["const got = await fetch(url);", /^fetch is not/],
  ["setTimeout(run, 5);", /^setTimeout is not/],
  ["const value = process.env.A;", /^process is not/],
  ["const value = [process][0];", /^process is not/],
  ["const value = { process };", /^process is not/],
  ["function run(process: { cwd(): string }) { return process.cwd(); }", /^process is the name of a global$/],
];

for (const [text, what] of IMPURE) {
  test(`it would be seen in domain: ${text}`, () => {
    const { program } = parseSource("src/domain/a.ts", text);
    assert.ok(findImpure(program()).some((found) => what.test(found)));
  });
}

test("what only looks like it is let through", () => {
  const text = `
    import { now } from "./a.ts";
    export { now as performance } from "./b.ts";
    interface Clock { process: Date; now(): Date }
    export class Watch { fetch = 1; crypto(): number { return this.fetch; } }
    export function later(at: Date, clock: Clock, { date: other }: { date: number }): Date[] {
      if (!(at instanceof Date)) return [new Date(Date.UTC(2026, 0)), new Date(other)];
      return [new Date(at.getTime() + Math.max(1, now)), clock.process, ({ process: at }).process];
    }`;
  assert.deepEqual(findImpure(parseSource("src/domain/a.ts", text).program()), []);
});

/** What others import of the package, and what takes a file by its path. */
const ENTRIES = /^src\/(index|(embed|mcp)\/\w+|client\/index|cli\/farebox)\.ts$/;

test("src has nothing that only tests use", () => {
  const taken = new Map<string, Set<string | undefined>>();
  for (const { from, to, names } of sources.flatMap(({ imports }) => imports)) {
    if (isTestCode(from) && !/^(bench|examples)\/|\/generate\//.test(from)) continue;
    const known = taken.get(to) ?? new Set();
    for (const name of names ?? [undefined]) known.add(name);
    taken.set(to, known);
  }
  const shipped = sources.filter(
    ({ path }) => path.startsWith("src/") && !isTestCode(path) && !ENTRIES.test(path),
  );
  const unused = shipped.flatMap(({ path, exports, program }) => {
    const names = taken.get(path);
    const alone = exports.filter((name) => names?.has(name) !== true && names?.has(undefined) !== true);
    if (alone.length === 0) return [];
    // What its own file uses besides stands there for that.
    const own = countNames(program());
    return alone.filter((name) => (own.get(name) ?? 0) < 2).map((name) => `${path}: ${name}`);
  });
  assert.deepEqual(unused, []);
});
