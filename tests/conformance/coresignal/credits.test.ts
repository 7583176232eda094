import assert from "node:assert/strict";
import { after, before } from "node:test";
import { observe } from "../account.ts";
import { send } from "../call.ts";
import { startProvider, type TestProvider } from "../harness.ts";
import { rulesOf } from "../rule.ts";
import { apiOf, DATASET_OF, NOTHING } from "./api.ts";

const rule = rulesOf("coresignal");
let provider: TestProvider;
before(async () => {
  provider = await startProvider("coresignal");
});
after(() => provider.close());

rule(
  "The API Key issued for you has a set amount of **search** and **collect** credits.",
  "two pools that know nothing of each other",
  async () => {
    const account = await provider.openAccount({ search: 4, collect: 2 });
    const api = apiOf(provider.gateway, account);
    assert.equal((await api.search("company_multi_source")).status, 200);
    assert.deepEqual([await account.balance("search"), await account.balance("collect")], [2, 2]);
    assert.equal((await api.collect("company_multi_source", 13335)).status, 200);
    assert.deepEqual([await account.balance("search"), await account.balance("collect")], [2, 0]);
    assert.equal((await api.collect("company_multi_source", 13335)).status, 402);
    assert.equal((await api.search("company_multi_source")).status, 200);
    assert.deepEqual([await account.balance("search"), await account.balance("collect")], [0, 0]);
  },
);

rule(
  "Credits are deducted for **one successful (200) request** while using search or collect endpoints.",
  "one line in the ledger for one 200",
  async () => {
    const account = await provider.openAccount({ search: 10, collect: 10 });
    const api = apiOf(provider.gateway, account);
    const search = await observe(account, "search", () => api.search("company_base"));
    assert.equal(search.answer.status, 200);
    assert.equal(search.charges.length, 1);
    assert.equal(search.charges[0]?.status, 200);
    assert.equal(search.charges[0]?.endpoint, "POST /cdapi/v2/company_base/search/{kind}");
    const collect = await observe(account, "collect", () => api.collect("company_base", 13335));
    assert.equal(collect.charges.length, 1);
    assert.equal(collect.charges[0]?.endpoint, "GET /cdapi/v2/company_base/collect/{id}");
  },
);

rule(
  "Credits are deducted for **one successful (200) request** while using search or collect endpoints.",
  "no other status is charged: not 400, 404, 422, 500, and no other 2xx",
  async () => {
    const account = await provider.openAccount({ search: 10, collect: 10 });
    const api = apiOf(provider.gateway, account);
    assert.equal((await api.search("company_base", "{")).status, 400);
    assert.equal((await api.search("company_base", {})).status, 422);
    assert.equal((await api.collect("company_base", "999999999")).status, 404);
    for (const status of [201, 202, 204, 301, 304, 400, 404, 408, 429, 500, 503]) {
      provider.recorder.answerNext({ status, ...(status === 301 ? { headers: { location: "/" } } : {}) });
      const { answer, cost } = await observe(account, "collect", () => api.collect("company_base", 13335));
      assert.equal(answer.status, status);
      assert.equal(cost, 0, `a ${status} was charged`);
      assert.equal(answer.headers["x-credits-remaining"], "10", `on a ${status}`);
    }
    assert.deepEqual([await account.balance("search"), await account.balance("collect")], [10, 10]);
  },
);

rule(
  "A successful request deducts a certain number of credits per request.",
  "the same for no result, a preview, a page of 5 and a page of 1,000",
  async () => {
    const account = await provider.openAccount({ search: 100 });
    const api = apiOf(provider.gateway, account);
    const calls = [
      () => api.search("company_multi_source", NOTHING),
      () => api.search("company_multi_source", undefined, "?items_per_page=5"),
      () => api.search("company_multi_source"),
      () => api.filter("company_multi_source", { company_name: "cloudflare" }),
      () => api.preview("company_multi_source"),
    ];
    const sizes: number[] = [];
    for (const call of calls) {
      const { answer, cost } = await observe(account, "search", call);
      assert.equal(answer.status, 200);
      assert.equal(cost, 2);
      sizes.push(answer.json<unknown[]>().length);
    }
    assert.deepEqual(sizes.slice(0, 3), [0, 5, 1000]);
    assert.ok((sizes[3] ?? 0) > 0);
    assert.equal(sizes[4], 20);
  },
);

const COSTS: readonly (readonly [string, number])[] = [
  ["Multi-source Company API", 2],
  ["Multi-source Employee API", 2],
  ["Clean Company API", 1],
  ["Base Company API", 1],
  ["Clean Employee API", 1],
  ["Base Employee API", 1],
  ["Employee Posts API", 1],
  ["Base Jobs API", 1],
  ["Multi-source Jobs API", 1],
];

async function checkCosts(cost: number, names: readonly string[]): Promise<void> {
  const account = await provider.openAccount({ search: 100, collect: 100 });
  const api = apiOf(provider.gateway, account);
  for (const name of names) {
    const dataset = DATASET_OF[name] ?? "";
    const search = await observe(account, "search", () => api.search(dataset, NOTHING));
    assert.deepEqual([search.answer.status, search.cost], [200, cost], `search in ${dataset}`);
    const id = await api.anyId(dataset);
    const collect = await observe(account, "collect", () => api.collect(dataset, id));
    assert.deepEqual([collect.answer.status, collect.cost], [200, cost], `collect from ${dataset}`);
    assert.equal(collect.answer.json()["id"], id);
  }
}

rule(
  "**Two** search or collection credits are deducted for **one successful (200) request** while using endpoints from: * Multi-source Company API * Multi-source Employee API",
  "search and collect of both",
  async () => {
    await checkCosts(
      2,
      COSTS.filter(([, cost]) => cost === 2).map(([name]) => name),
    );
  },
);

rule(
  "**One** search or collection credit is deducted for **one successful (200) request** while using endpoints from: * Clean Company API * Base Company API * Clean Employee API * Base Employee API * Employee Posts API * Base Jobs API * Multi-source Jobs API",
  "search and collect of all seven",
  async () => {
    const names = COSTS.filter(([, cost]) => cost === 1).map(([name]) => name);
    assert.equal(names.length, 7);
    await checkCosts(1, names);
  },
);

rule(
  "Every **search and collect** response contains an `x-credits-remaining` header that shows the number of credits left in your account.",
  "of the credit type that the request spent, equal to the balance after its charge",
  async () => {
    const account = await provider.openAccount({ search: 10, collect: 100 });
    const api = apiOf(provider.gateway, account);
    const search = await observe(account, "search", () => api.search("company_multi_source"));
    assert.equal(search.answer.headers["x-credits-remaining"], "8");
    assert.equal(search.charges[0]?.balance, 8);
    const preview = await observe(account, "search", () => api.preview("company_clean"));
    assert.equal(preview.answer.headers["x-credits-remaining"], "7");
    const collect = await observe(account, "collect", () => api.collect("company_clean", 13335));
    assert.equal(collect.answer.headers["x-credits-remaining"], "99");
  },
);

rule(
  "Every **search and collect** response contains an `x-credits-remaining` header that shows the number of credits left in your account.",
  "under 12 simultaneous calls each shows the balance of its own charge",
  async () => {
    const account = await provider.openAccount({ collect: 12 });
    const api = apiOf(provider.gateway, account);
    const answers = await Promise.all(Array.from({ length: 12 }, () => api.collect("company_base", 13335)));
    const remaining = answers.map((answer) => Number(answer.headers["x-credits-remaining"]));
    const balances = (await account.entries("collect")).slice(1).map((entry) => entry.balance);
    assert.deepEqual(
      remaining.toSorted((a, b) => b - a),
      balances,
    );
    assert.deepEqual(balances, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  },
);

rule("x-credits-remaining: 9973", "to the character", async () => {
  const account = await provider.openAccount({ search: 9975 });
  const answer = await apiOf(provider.gateway, account).search("employee_multi_source");
  assert.equal(answer.headers["x-credits-remaining"], "9973");
});

rule(
  `{ "detail": "Insufficient credits" }`,
  "the error `402` of a search and of a collect that cannot be paid; nothing reaches the upstream",
  async () => {
    const account = await provider.openAccount({ search: 1, collect: 1 });
    const api = apiOf(provider.gateway, account);
    const asked = provider.recorder.exchanges.length;
    for (const call of [
      () => api.search("company_multi_source"),
      () => api.collect("employee_multi_source", 500000001),
    ]) {
      const answer = await call();
      assert.equal(answer.status, 402);
      assert.match(answer.headers["content-type"] ?? "", /^application\/json\b/);
      assert.deepEqual(answer.json(), { detail: "Insufficient credits" });
      assert.equal(answer.headers["x-credits-remaining"], "1");
    }
    assert.equal(provider.recorder.exchanges.length, asked);
    assert.deepEqual([await account.balance("search"), await account.balance("collect")], [1, 1]);
    assert.equal((await api.search("company_base")).status, 200);
  },
);

rule(
  "What happens if I don't have enough credits?",
  "of 20 simultaneous calls the pool pays for, exactly as many succeed as it pays for",
  async () => {
    const account = await provider.openAccount({ collect: 13 });
    const api = apiOf(provider.gateway, account);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => api.collect("company_multi_source", 13335)),
    );
    assert.equal(answers.filter((answer) => answer.status === 200).length, 6);
    assert.equal(answers.filter((answer) => answer.status === 402).length, 14);
    assert.equal(await account.balance("collect"), 1);
    await account.grant(1, "collect");
    assert.equal((await api.collect("company_multi_source", 13335)).status, 200);
  },
);

rule("The API Key issued for you", "is needed, and is not shown to the upstream", async () => {
  const account = await provider.openAccount({ collect: 10 });
  for (const headers of [{}, { apikey: "nonsense" }, { authorization: `Bearer ${account.key}` }]) {
    const answer = await send(provider.gateway, "/cdapi/v2/company_base/collect/13335", { headers });
    assert.equal(answer.status, 401);
    assert.deepEqual(Object.keys(answer.json()), ["detail"]);
  }
  assert.equal((await apiOf(provider.gateway, account).collect("company_base", 13335)).status, 200);
  assert.equal(JSON.stringify(provider.recorder.last().headers).includes(account.key), false);
  assert.equal(await account.balance("collect"), 9);
});
