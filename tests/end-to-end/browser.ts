import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { chromium, type Page } from "playwright-core";

/** Where Debian's package puts it. `CHROMIUM` names another one. */
const EXECUTABLE = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Pages may load what this machine serves, and nothing else is tried: a browser phones home by itself. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What a page asked for and complained about while it was open. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors of scripts, of the page's policy and of requests that failed. */
  readonly complaints: string[];
  readonly requested: URL[];
}

/** Opens a page in Chromium for the length of the test. */
export async function openPage(context: TestContext): Promise<WatchedPage> {
  const opened = await openBrowser();
  context.after(() => opened.close());
  return opened;
}

/** The same for whoever closes it. A machine without Chromium fails: a page that nobody saw is not tested. */
export async function openBrowser(): Promise<WatchedPage & { readonly close: () => Promise<void> }> {
  assert.ok(
    existsSync(EXECUTABLE),
    `${EXECUTABLE} is missing: install it (apt-get install chromium), or name one with CHROMIUM`,
  );
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS });
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  const complaints: string[] = [];
  const requested: URL[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("request", (request) => requested.push(new URL(request.url())));
  return { page, complaints, requested, close: () => browser.close() };
}

/** Keeps what the page looks like, in the folder that `SCREENSHOTS` names; nowhere when it names none. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  const folder = process.env["SCREENSHOTS"];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
