import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { eventually } from "../crash/eventually.ts";
import { keepScreenshot, type WatchedPage } from "../end-to-end/browser.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails with everything that axe-core finds on the page as it is now, in light or in dark. */
export async function checkAccessibility(page: Page): Promise<void> {
  // Wherever the page was scrolled to, some target is half under the head, which axe takes for a small one.
  await page.evaluate("scrollTo(0, 0)");
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

/**
 * Fails when a part of a table does not say what it is. On phones tables are laid out as blocks, which some browsers then take for a text;
 * the one here does not, so that its tree of what screen readers get would not tell.
 */
async function checkTables(page: Page): Promise<void> {
  const parts = ["table", "thead", "tbody", "tr", "th", "td"].map((part) => `${part}:not([role])`).join();
  const silent = await page.evaluate<string[]>(
    `[...document.querySelectorAll("${parts}")].map((part) => part.outerHTML.slice(0, 100))`,
  );
  assert.deepEqual(silent, [], `tables on ${page.url()}`);
}

/** Waits until the place that is open is in sight in the head, which has more places than a phone is wide. */
const untilPlaceInSight = (page: Page): Promise<true> =>
  eventually(`the open place of ${page.url()} in sight`, async () => {
    const isInSight = await page.evaluate<boolean>(`(() => {
      const place = document.querySelector('.nav-link[aria-current="page"]')?.getBoundingClientRect();
      return place === undefined || (place.left >= 0 && place.right <= innerWidth);
    })()`);
    return isInSight ? true : undefined;
  });

/** In light, in dark and on a phone: nothing that axe-core finds, no sideways scrolling, and nothing that ran or was refused. */
export async function checkLooks({ page, complaints }: WatchedPage, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    // A colour that is on its way is none to be judged.
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await checkAccessibility(page);
    await keepScreenshot(page, `${name}-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 390, height: 844 });
  await checkWidth(page);
  await untilPlaceInSight(page);
  await checkTables(page);
  await checkAccessibility(page);
  await keepScreenshot(page, `${name}-phone`);
  await page.setViewportSize({ width: 1280, height: 1000 });
  assert.equal(await page.locator("main img").count(), 0, "a name became markup");
  assert.notEqual(await page.title(), "run");
  assert.deepEqual(complaints.splice(0), []);
}
