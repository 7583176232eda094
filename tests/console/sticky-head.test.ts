import assert from "node:assert/strict";
import { before, test } from "node:test";
import { buildConsole } from "../../examples/build-console.ts";
import { openPage } from "../end-to-end/browser.ts";
import { openPortalScene } from "./portal-scene.ts";

before(() => buildConsole());

const SIZES = [
  { width: 1280, height: 500 },
  { width: 390, height: 500 },
] as const;

test("what the keyboard comes to is not under the head, forwards and backwards, also on a phone", async (context) => {
  const scene = await openPortalScene(8);
  context.after(() => scene.close());
  const { page } = await openPage(context);
  await page.goto(`${scene.operator}/console/accounts/${scene.customer.id}`);
  await page.getByLabel("Token").fill(scene.operatorToken);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page
    .getByRole("row", { name: /ip-lookup/ })
    .first()
    .waitFor();
  for (const size of SIZES) {
    await page.setViewportSize(size);
    await page.evaluate("document.activeElement.blur(); scrollTo(0, document.documentElement.scrollHeight)");
    let steps = 0;
    const under: string[] = [];
    for (const direction of ["Shift+Tab", "Tab"]) {
      for (let step = 0; step < 60; step++) {
        await page.keyboard.press(direction);
        const found = await page.evaluate<string | null>(`(() => {
          const part = document.activeElement;
          if (part === null || part.closest("main a, main button, main input, main select") === null) return null;
          const head = document.querySelector(".head").getBoundingClientRect();
          return part.getBoundingClientRect().top < head.bottom ? part.outerHTML.slice(0, 120) : "";
        })()`);
        if (found === null) continue;
        steps += 1;
        if (found !== "") under.push(found);
      }
    }
    assert.ok(steps > 10, `${steps} places were reached`);
    assert.deepEqual(under, [], `${size.width} pixels wide`);
  }
});
