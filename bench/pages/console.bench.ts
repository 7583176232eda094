import { openDatabase } from "../../src/ledger/database/open-database.ts";
import { formatSummary } from "../measure.ts";
import { startFareboxProcess } from "../processes/farebox.ts";
import { startChild } from "../processes/spawn.ts";
import { withTarget } from "../with-database.ts";
import { openBusyAccount } from "./busy-account.ts";
import { type Opening, openBrowser, openSlowly } from "./slow-page.ts";

const CHARGES = 20_000;
const OPENINGS = 5;

/** How soon a customer's overview is there and answers, at a quarter of this processor's speed and on slow 4G. */
export async function benchConsole(print: (line: string) => void): Promise<void> {
  await withTarget("postgres", async (target) => {
    const upstream = await startChild("upstream");
    const farebox = await startFareboxProcess(
      upstream.url,
      target,
      `upstream: ${upstream.url}\nunpriced: free\ncustomerApi: { requests: 1000000 }\n`,
    );
    const database = await openDatabase(target);
    const browser = await openBrowser();
    try {
      const account = await openBusyAccount(farebox, database, CHARGES);
      const url = `${farebox.gateway}/portal/`;
      const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
      const first = await context.newPage();
      await first.goto(url);
      await first.getByLabel("API key").fill(account.key);
      await first.getByRole("button", { name: "Sign in" }).click();
      await first.locator(".figure").first().waitFor();
      const openings: Opening[] = [];
      for (let n = 0; n < OPENINGS; n += 1) {
        const page = await context.newPage();
        openings.push(await openSlowly(page, url, ".figure"));
        await page.close();
      }
      const of = (what: keyof Opening): string => formatSummary(openings.map((one) => one[what]));
      print(
        `\nThe customer's overview, CPU 4x slower, slow 4G, nothing kept from before, ${OPENINGS} openings, in ms`,
      );
      print(
        `  first paint ${of("firstPaint")}; with figures ${of("withData")}; interactive ${of("interactive")}`,
      );
      print(`  ${openings[0]?.scriptBytes} bytes of script as sent, ${openings[0]?.calls} calls of the API`);
    } finally {
      await browser.close();
      await database.close();
      await farebox.stop();
      await upstream.stop();
    }
  });
}
