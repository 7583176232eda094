import assert from "node:assert/strict";
import { test } from "node:test";
import { computeHeaders, readTour } from "../../examples/tour.ts";
import { send } from "./call.ts";
import { startProvider } from "./harness.ts";
import { PROVIDERS } from "./seed.ts";

/** What `npm start -- <provider>` prints to paste must show what its titles say. */
for (const name of PROVIDERS) {
  test(`${name}: every call of the tour answers with the status it promises and the headers it shows`, async () => {
    const tour = readTour(name);
    const provider = await startProvider(name);
    try {
      const grants = Object.entries(tour.grants).map(([type, amount]) => [type, Number(amount)] as const);
      const account = await provider.openAccount(Object.fromEntries(grants), tour.plan);
      for (const call of tour.calls) {
        const headers = computeHeaders(call, account.key);
        const answer = await send(provider.gateway, call.path, {
          method: call.method,
          headers,
          body: call.body,
        });
        assert.equal(answer.status, call.expect, `${call.title}: ${answer.text.slice(0, 500)}`);
        for (const header of call.show) {
          assert.notEqual(answer.headers[header], undefined, `${call.title}: ${header}`);
        }
      }
    } finally {
      await provider.close();
    }
  });
}
