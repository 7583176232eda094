import assert from "node:assert/strict";
import { before, test } from "node:test";
import { buildConsole } from "../../examples/build-console.ts";
import { openScene } from "../customer-api/scene.ts";
import { openPage } from "../end-to-end/browser.ts";

before(() => buildConsole());

test("a tab follows who signs in and out in another one: its head, its numbers, and no dialog of the former account", async (context) => {
  const scene = await openScene(
    "prices: [{ match: GET /paid, cost: 2 }]\ncustomerApi: { selfService: { keys: true } }\n",
  );
  context.after(() => scene.close());
  const linkOf = async (name: string, amount: number): Promise<string> => {
    const { id } = await scene.operate<{ id: string }>("POST", "/v1/accounts", { name });
    await scene.operate("POST", `/v1/accounts/${id}/grants`, { amount });
    const links = `/v1/accounts/${id}/portal-links`;
    const { path } = await scene.operate<{ path: string }>("POST", links, { access: "manage" });
    return scene.gateway + path;
  };
  const [first, second] = [await linkOf("Acme", 1_111), await linkOf("Borealis", 2_222)];
  const { page } = await openPage(context);
  // Pages of one context have one cookie.
  const tabs = await page.context().browser()?.newContext();
  assert.ok(tabs !== undefined);
  const [one, other] = [await tabs.newPage(), await tabs.newPage()];
  await one.goto(first);
  await one.getByText("1,111").first().waitFor();
  await one.getByRole("link", { name: "Keys", exact: true }).click();
  await one.getByRole("button", { name: "Create a key" }).first().click();
  await one.getByLabel("Name").fill("for Acme");
  await other.goto(second);
  await other.getByText("2,222").first().waitFor();
  await one.locator(".head-who").filter({ hasText: "Borealis" }).waitFor();
  await one.getByRole("dialog").waitFor({ state: "detached" });
  await one.getByRole("link", { name: "Overview", exact: true }).click();
  await one.getByText("2,222").first().waitFor();
  assert.equal(await one.getByText("1,111").count(), 0);
  await other.getByRole("button", { name: "Sign out" }).click();
  await one.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(await one.getByText("Your session has ended").count(), 0, "nothing was asked for meanwhile");
});
