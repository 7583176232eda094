import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Page } from "playwright-core";
import { buildConsole } from "../../examples/build-console.ts";
import { customerOf, openScene } from "../customer-api/scene.ts";
import { openPage } from "../end-to-end/browser.ts";
import { checkLooks } from "./check-page.ts";

/** As long as a name may be, without a place at which a line could be broken. */
const LONG = "W".repeat(200);
const MOST = 999_999_999.999_999;
const PHONE = { width: 390, height: 844 };

before(() => buildConsole());

/** Fails when something in what matches reaches over its edge, or is cut there. Tables may be moved from side to side in their card. */
async function checkWithin(page: Page, selector: string): Promise<void> {
  const over = await page.evaluate<
    string[]
  >(`[...document.querySelectorAll(${JSON.stringify(selector)})].flatMap((box) => {
    const { left, right } = box.getBoundingClientRect();
    return [...box.querySelectorAll("h1, h2, h3, p, button, input, select")].flatMap((part) => {
      const place = part.getBoundingClientRect();
      if (part.closest(".unseen") !== null || place.width === 0) return [];
      return place.left < left - 1 || place.right > right + 1 ? [part.outerHTML.slice(0, 120)] : [];
    });
  })`);
  assert.deepEqual(over, [], `${selector} on ${page.url()}`);
}

test("the longest names and the largest amounts stay inside of cards and dialogs, whose buttons can be reached", async (context) => {
  const scene = await openScene(
    "creditTypes: [credits, search]\nprices: [{ match: GET /paid, cost: 2, credit: credits }]\n",
  );
  context.after(() => scene.close());
  const { id } = await scene.operate<{ id: string }>("POST", "/v1/accounts", { name: LONG });
  await scene.operate("POST", `/v1/accounts/${id}/grants`, { amount: MOST });
  await scene.operate("POST", `/v1/accounts/${id}/grants`, { amount: 0.000_001, creditType: "search" });
  const made = await scene.operate<{ id: string; key: string }>("POST", `/v1/accounts/${id}/keys`, {
    name: LONG,
  });
  const customer = customerOf(scene.gateway, "/v1/credits", id, made);
  await customer.call("GET", "/paid");
  const watched = await openPage(context);
  const { page } = watched;
  page.setDefaultTimeout(60_000);
  await page.goto(`${scene.gateway}/portal/`);
  await page.getByLabel("API key").fill(customer.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("999,999,997.999999").first().waitFor();
  watched.complaints.splice(0);
  await checkLooks(watched, "portal-long");
  for (const size of [PHONE, { width: 820, height: 1000 }, { width: 1280, height: 1000 }]) {
    await page.setViewportSize(size);
    await checkWithin(page, ".card");
    await checkWithin(page, "header");
  }
  await page.goto(`${scene.operator}/console/accounts/${id}`);
  await page.getByLabel("Token").fill(scene.operatorToken);
  await page.getByRole("button", { name: "Sign in" }).click();
  watched.complaints.splice(0);
  for (const [opens, acts] of [
    ["Grant credits", "Grant"],
    ["Suspend", "Suspend the account"],
    ["Make a portal link", "Make the link"],
  ] as const) {
    await page.getByRole("button", { name: opens, exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: acts }).waitFor();
    for (const size of [PHONE, { width: 1280, height: 1000 }]) {
      await page.setViewportSize(size);
      await checkWithin(page, "[role=dialog]");
      await checkWithin(page, "main > *");
    }
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  }
  await checkLooks(watched, "console-long");
  await page.goto(`${scene.operator}/console/accounts`);
  await page.getByRole("link", { name: LONG }).waitFor();
  await checkLooks(watched, "console-accounts-long");
});
