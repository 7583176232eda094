import { placeEntries } from "../../src/ledger/testing/books.ts";
import { type Customer, customerOf, openScene, type Scene } from "../customer-api/scene.ts";

const DAY_MS = 86_400_000;
const API = "/v1/credits";

const CONFIG = `
creditTypes: [credits, search]
prices:
  - { match: "GET /v1/ip-lookup", cost: 10, credit: credits, on: processed }
  - match: "POST /v1/businesses"
    cost: 1.25
    credit: credits
    per: result
    count: { body: /data }
    atMost: { body: /page_size, default: 100, max: 500 }
  - { match: "GET /v1/people/{id}", cost: 2, credit: search }
  - match: "GET /v1/reports/{id}"
    cost: 2
    credit: search
    tiers: { within: month, steps: [{ over: 2, cost: 0.5 }] }
plans:
  starter:
    recurring: { credit: credits, credits: 2000, every: month }
    limits: [{ match: "GET /v1/ip-lookup", requests: 600, per: minute }]
limits: [{ match: "*", requests: 100000, per: minute, by: key }]
customerApi: { requests: 100000, selfService: { keys: true } }
`;

/** Where it is not written as text it would run as a script, or break out of an attribute. */
export const HOSTILE = `<img src=x onerror="document.title='run'">"'&`;

/** A customer with a month of history, and what else a test makes of it. */
export interface PortalScene extends Scene {
  readonly customer: Customer;
}

/** An account on a plan with two keys, and so many calls spread over the last 30 days. */
export async function openPortalScene(calls = 40): Promise<PortalScene> {
  const scene = await openScene(CONFIG);
  try {
    return { ...scene, customer: await addHistory(scene, calls) };
  } catch (error) {
    await scene.close();
    throw error;
  }
}

async function addHistory(scene: Scene, calls: number): Promise<Customer> {
  const { id } = await scene.operate<{ id: string }>("POST", "/v1/accounts", {
    name: `Lumen Analytics ${HOSTILE}`,
    plan: "starter",
  });
  const grant = (body: object) => scene.operate("POST", `/v1/accounts/${id}/grants`, body);
  await grant({ amount: 350.5, source: "promo", expiresAt: at(9).toISOString() });
  await grant({ amount: 60, creditType: "search" });
  const keyOf = async (name: string): Promise<Customer> =>
    customerOf(scene.gateway, API, id, await scene.operate("POST", `/v1/accounts/${id}/keys`, { name }));
  const production = await keyOf("production");
  const batch = await keyOf(`batch ${HOSTILE}`);
  const places = { credits: [at(-30), at(-30)], search: [at(-30)] };
  for (let call = 1; call <= calls; call += 1) {
    const caller = call % 4 === 3 ? batch : production;
    const moment = at(-29.5 * (1 - (call / calls) ** 0.8));
    if (call % 5 === 4) {
      await caller.call("GET", `/v1/people/${call}`);
      places.search.push(moment);
      continue;
    }
    if (call % 2 === 0) await caller.call("GET", "/v1/ip-lookup");
    else await caller.call("POST", "/v1/businesses", { page_size: 3 });
    places.credits.push(moment);
  }
  const [shard] = await scene.database.query<{ shard: number }>(
    "SELECT shard FROM farebox.accounts WHERE account_id = $1",
    [id],
  );
  for (const [creditType, moments] of Object.entries(places)) {
    await placeEntries(scene.database, { accountId: id, creditType, shard: shard?.shard ?? 0 }, moments);
  }
  return production;
}

/** So many days from now. */
const at = (days: number): Date => new Date(Date.now() + days * DAY_MS);
