import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails with everything that axe-core finds on the page as it is now, in light or in dark. */
export async function checkAccessibility(page: Page): Promise<void> {
  // The page's own policy forbids scripts that it did not bring; the browser's debugger may.
  await page.evaluate(AXE);
  const found = await page.evaluate<
    string[]
  >(`axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"] })
    .then(({ violations }) => violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => id + ": " + html + " " + failureSummary)))`);
  assert.deepEqual(found, [], `axe-core on ${page.url()}`);
}

/** Fails when the page is wider than the window, so that one would have to move it from side to side. */
export async function checkWidth(page: Page): Promise<void> {
  const [content, window] = await page.evaluate<[number, number]>(
    "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
  );
  assert.ok(content <= window, `${page.url()} is ${content} pixels wide in a window of ${window}`);
}
