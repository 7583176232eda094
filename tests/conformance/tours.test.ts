import assert from "node:assert/strict";
import { test } from "node:test";
import { computeHeaders, computePath, readTour, type TourCall } from "../../examples/tour.ts";
import { readJsonPointer } from "../../src/domain/json/json-pointer.ts";
import { eventually } from "../crash/eventually.ts";
import { type Answer, send } from "./call.ts";
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
      const kept: Record<string, string> = {};
      for (const call of tour.calls) {
        for (const [type, amount] of Object.entries(call.grant)) await account.grant(Number(amount), type);
        const answer = await walk(provider.gateway, call, computePath(call, kept), account.key);
        for (const [word, pointer] of Object.entries(call.keep)) {
          kept[word] = String(readJsonPointer(answer.json(), pointer));
        }
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

/** Again while it is not done. */
async function walk(gateway: string, call: TourCall, path: string, key: string): Promise<Answer> {
  const headers = computeHeaders(call, key);
  return await eventually(call.title, async () => {
    const answer = await send(gateway, path, { method: call.method, headers, body: call.body });
    return answer.status === call.repeatOn ? undefined : answer;
  });
}
