import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FileProblem } from "../contract/file-problem.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import { parseConfig } from "./load-config.ts";

const parse = (text: string) => parseConfig("farebox.yaml", `upstream: http://x\n${text}`, {});

/** The only problem of a configuration that is wrong. */
function problemOf(text: string): FileProblem {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof FareboxError);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const [problem, ...others] = error.detail["problems"] as readonly FileProblem[];
    assert.deepEqual(others, []);
    assert.ok(problem);
    return problem;
  }
  return assert.fail("the configuration was accepted");
}

describe("portal", () => {
  it("refuses what its path would hide, and a path that lies in the customer API's or around it", () => {
    assert.equal(problemOf('prices: [{ match: "GET /portal/{x}", cost: 1 }]').path, "prices[0].match");
    assert.equal(problemOf("open: [GET /portal/x]").path, "open[0]");
    assert.equal(problemOf("portal: { path: /v1/credits/portal }").path, "portal.path");
    assert.equal(problemOf("portal: { path: /v1 }").path, "portal.path");
    parse('portal: { enabled: false }\nprices: [{ match: "GET /portal/{x}", cost: 1 }]');
  });

  it("refuses a brand that cannot be shown, and frames for everybody", () => {
    assert.equal(problemOf('portal: { brand: { accent: "red" } }').path, "portal.brand.accent");
    assert.match(problemOf("portal: { brand: { logo: ./none.svg } }").reason, /cannot be read/);
    assert.match(problemOf("portal: { brand: { logo: ./logo.exe } }").reason, /is no picture/);
    for (const origin of ["*", "https:", "https://a.example/path", "https://*", "'self'"]) {
      const problem = problemOf(`portal: { frameAncestors: [${JSON.stringify(origin)}] }`);
      assert.equal(problem.path, "portal.frameAncestors[0]");
    }
    const { portal } = parse(
      'portal: { frameAncestors: ["https://*.example.com"], brand: { accent: "#0B7285" } }',
    );
    assert.deepEqual([portal.frameAncestors, portal.brand.accent], [["https://*.example.com"], "#0b7285"]);
  });
});
