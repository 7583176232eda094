import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Document, OpenAPIClientAxios } from "openapi-client-axios";
import { openScene } from "../customer-api/scene.ts";

/** What comes back has any shape: the test looks into it. */
// oxlint-disable-next-line typescript/no-explicit-any
type Shape = any;

/** A client that knows nothing of us but a document, as one in any language would be made of it. */
async function generate(url: string, token: string) {
  const document = (await (await fetch(url)).json()) as Document;
  const api = new OpenAPIClientAxios({
    definition: document,
    axiosConfigDefaults: {
      baseURL: new URL(url).origin,
      headers: { authorization: `Bearer ${token}` },
    },
  });
  const client = await api.init();
  /** Parameters by their names, then the body. */
  const call = async (
    operation: string,
    parameters: Record<string, string | number>,
    body?: object,
  ): Promise<Shape> => {
    const method = client[operation];
    assert.ok(method, `there is no operation ${operation}`);
    return (await method(parameters, body)).data;
  };
  return { document, call };
}

/** What every generator makes names of. */
function checkNames({ paths = {}, components = {} }: Document): number {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods ?? {}).map(([method, operation]) => ({ title: `${method} ${path}`, operation })),
  );
  const ids = operations.map(({ title, operation }) => {
    const id: unknown = typeof operation === "object" && "operationId" in operation && operation.operationId;
    assert.match(String(id), /^[a-z][A-Za-z0-9]*$/, title);
    return id;
  });
  assert.equal(new Set(ids).size, ids.length);
  for (const name of Object.keys(components.schemas ?? {})) assert.match(name, /^[A-Z][A-Za-z0-9]*$/);
  return operations.length;
}

describe("clients that are generated from the documents alone", () => {
  test("make an account, hold for a call of its customer, charge it, and read it where the customer does", async (context) => {
    const scene = await openScene(`
prices: [{ match: GET /paid, cost: 2 }]
sidecar: { listen: 127.0.0.1:0 }
`);
    context.after(() => scene.close());
    const operator = await generate(`${scene.operator}/v1/openapi.json`, scene.operatorToken);
    const account = await operator.call("createAccount", {}, { name: "Generated" });
    await operator.call("createGrant", { account: account.id }, { amount: 10 });
    const key = await operator.call("createKey", { account: account.id }, { name: "k" });
    const token = await operator.call("createToken", {}, { name: "generated", role: "meter" });

    const sidecar = await generate(`${scene.sidecar}/v1/openapi.json`, token.token);
    const asked = { method: "GET", path: "/paid", key: key.key };
    let decision = await sidecar.call("authorize", {}, asked);
    // A busy machine's database may be too slow for an admission: then it is asked again.
    for (let tries = 10; decision.code === "storage_unavailable" && tries > 0; tries--) {
      decision = await sidecar.call("authorize", {}, asked);
    }
    assert.equal(decision.decision, "admitted", JSON.stringify(decision));
    const settled = await sidecar.call("settle", {}, { hold: decision.hold });
    assert.deepEqual([settled.outcome, settled.charged, settled.balance], ["charged", 2, 8]);

    const customer = await generate(`${scene.gateway}/v1/credits/openapi.json`, key.key);
    const { entries } = await customer.call("listEntries", { limit: 1 });
    assert.deepEqual([entries[0].kind, entries[0].amount], ["charge", -2]);
    const counts = [operator, sidecar, customer].map(({ document }) => checkNames(document));
    assert.ok(
      counts.every((count) => count > 3),
      String(counts),
    );
  });
});
