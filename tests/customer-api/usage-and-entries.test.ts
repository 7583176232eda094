import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { toMicro } from "../conformance/account.ts";
import { send } from "../conformance/call.ts";
import { type Customer, openScene, type Scene } from "./scene.ts";

let scene: Scene;
before(async () => {
  scene = await openScene(`
creditTypes: [credits, search]
prices:
  - { match: GET /fixed, cost: 5, credit: credits }
  - { match: GET /third, cost: 0.333333, credit: credits }
  - { match: POST /search, cost: 2, credit: search }
customerApi: { requests: 10000 }
`);
});
after(() => scene.close());

interface Sums {
  readonly creditType: string;
  readonly requests: number;
  readonly credits: number;
  readonly refunded: number;
}

interface Usage {
  readonly rows: readonly (Sums & {
    readonly time: string | null;
    readonly timeEnd: string | null;
    readonly endpoint: string | null;
    readonly key: string | null;
  })[];
  readonly totals: readonly Sums[];
}

interface Entry {
  readonly seq: number;
  readonly kind: string;
  readonly amount: number;
  readonly balance: number;
  readonly charge: string | null;
  readonly key: string | null;
  readonly endpoint: string | null;
}

/** Two keys, two pools, three endpoints, a refund. */
async function openSpender(): Promise<{ readonly customer: Customer; readonly second: string }> {
  const customer = await scene.openCustomer(1000);
  await scene.operate("POST", `/v1/accounts/${customer.id}/grants`, { amount: 100, creditType: "search" });
  const second = await scene.operate<{ id: string; key: string }>(
    "POST",
    `/v1/accounts/${customer.id}/keys`,
    {},
  );
  for (let call = 0; call < 3; call += 1) assert.equal((await customer.call("GET", "/fixed")).status, 200);
  for (let call = 0; call < 2; call += 1) assert.equal((await customer.call("GET", "/third")).status, 200);
  const headers = { authorization: `Bearer ${second.key}` };
  assert.equal((await send(scene.gateway, "/fixed", { headers })).status, 200);
  assert.equal((await send(scene.gateway, "/search", { method: "POST", headers })).status, 200);
  const { entries } = await read<{ entries: Entry[] }>(customer, "/entries?kind=charge&limit=1");
  await scene.operate("POST", `/v1/charges/${entries[0]?.charge}/refunds`, {
    amount: 2,
    reason: "a note to colleagues",
  });
  return { customer, second: second.id };
}

async function read<T>(customer: Customer, path: string): Promise<T> {
  const answer = await customer.get(path);
  assert.equal(answer.status, 200, answer.text);
  return answer.json<T>();
}

const total = (rows: readonly Sums[], creditType: string): number =>
  rows.filter((row) => row.creditType === creditType).reduce((sum, { credits }) => sum + toMicro(credits), 0);

test("GET usage adds up to the ledger in every grouping, zero buckets included", async () => {
  const { customer, second } = await openSpender();
  const { entries } = await read<{ entries: Entry[] }>(customer, "/entries?kind=charge");
  const charged = entries.reduce((sum, { amount }) => sum - toMicro(amount), 0);
  assert.equal(charged, 20_666_666);
  for (const query of [
    "",
    "?groupBy=",
    "?groupBy=key",
    "?groupBy=endpoint,key",
    "?resolution=hour",
    "?resolution=day&groupBy=endpoint",
    "?resolution=month&timeZone=Asia/Kathmandu",
  ]) {
    const usage = await read<Usage>(customer, `/usage${query}`);
    assert.equal(total(usage.rows, "credits"), charged, query);
    assert.equal(total(usage.rows, "search"), 2_000_000, query);
    assert.deepEqual(
      usage.totals.map(({ creditType, requests, credits, refunded }) => [
        creditType,
        requests,
        credits,
        refunded,
      ]),
      [
        ["credits", 6, 20.666666, 2],
        ["search", 1, 2, 0],
      ],
      query,
    );
  }
  const byEndpoint = await read<Usage>(customer, "/usage?creditType=credits");
  assert.deepEqual(
    byEndpoint.rows.map(({ endpoint, requests, time, key }) => [endpoint, requests, time, key]),
    [
      ["GET /fixed", 4, null, null],
      ["GET /third", 2, null, null],
    ],
  );
  const byHour = await read<Usage>(customer, "/usage?resolution=hour&creditType=credits");
  assert.ok(byHour.rows.length >= 24);
  assert.ok(byHour.rows.filter(({ credits }) => credits === 0).length >= 22);
  const ofKey = await read<Usage>(customer, `/usage?key=${second}&groupBy=key`);
  assert.deepEqual(
    ofKey.rows.map(({ key, creditType, credits }) => [key, creditType, credits]),
    [
      [second, "credits", 5],
      [second, "search", 2],
    ],
  );
  const ofEndpoint = await read<Usage>(customer, `/usage?endpoint=${encodeURIComponent("GET /third")}`);
  assert.equal(total(ofEndpoint.rows, "credits"), 666_666);
});

test("GET usage in a time zone has the days that its calendar has", async () => {
  const customer = await scene.openCustomer();
  const hours = await read<Usage>(
    customer,
    "/usage?resolution=hour&timeZone=Europe/Berlin&from=2026-03-28T23:00:00Z&to=2026-03-29T22:00:00Z&creditType=credits",
  );
  assert.equal(hours.rows.length, 23);
  const days = await read<Usage>(
    customer,
    "/usage?resolution=day&timeZone=Europe/Berlin&from=2026-10-24T22:00:00Z&to=2026-10-26T23:00:00Z&creditType=credits",
  );
  assert.deepEqual(
    days.rows.map(({ time, timeEnd }) => (Date.parse(timeEnd ?? "") - Date.parse(time ?? "")) / 3_600_000),
    [25, 24],
  );
});

test("GET entries is the statement, without what operators write to each other", async () => {
  const { customer } = await openSpender();
  const answer = await customer.get("/entries");
  assert.doesNotMatch(answer.text, /colleagues|reason|uncollected/);
  const { account, entries } = answer.json<{ account: string; entries: Entry[] }>();
  assert.equal(account, customer.id);
  assert.deepEqual(
    entries.map(({ kind }) => kind),
    ["refund", ...Array.from({ length: 6 }, () => "charge"), "grant"],
  );
  let balance = 0;
  for (const entry of entries.toReversed()) {
    balance += toMicro(entry.amount);
    assert.equal(toMicro(entry.balance), balance);
  }
});

test("GET entries goes on from page to page, each line once", async () => {
  const { customer } = await openSpender();
  const seen: number[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: { entries: Entry[]; next: string | null } = await read(
      customer,
      `/entries?limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`,
    );
    assert.ok(page.entries.length <= 3);
    seen.push(...page.entries.map(({ seq }) => seq));
    cursor = page.next;
  }
  assert.deepEqual(seen, [8, 7, 6, 5, 4, 3, 2, 1]);
});

test("GET entries is filtered by kind, key, endpoint, credit type and time", async () => {
  const { customer, second } = await openSpender();
  const count = async (query: string): Promise<number> =>
    (await read<{ entries: Entry[] }>(customer, `/entries?${query}`)).entries.length;
  assert.equal(await count("kind=refund"), 1);
  assert.equal(await count(`key=${second}`), 2);
  assert.equal(await count(`endpoint=${encodeURIComponent("GET /third")}`), 2);
  assert.equal(await count("creditType=search"), 2);
  assert.equal(await count("from=2020-01-01&to=2020-02-01"), 0);
  assert.equal(await count("from=2020-01-01&kind=charge"), 6);
});

test("CSV by format or Accept, whole and streamed, with the amounts to the last digit", async () => {
  const { customer } = await openSpender();
  for (const answer of [
    await customer.get("/entries?format=csv&limit=2"),
    await customer.get("/entries", { accept: "text/csv" }),
  ]) {
    assert.equal(answer.status, 200);
    assert.match(answer.headers["content-type"] ?? "", /^text\/csv/);
    assert.match(answer.headers["content-disposition"] ?? "", /filename="entries-credits\.csv"/);
    const lines = answer.text.trimEnd().split("\r\n");
    assert.equal(
      lines[0],
      "creditType,seq,at,kind,amount,balance,charge,requestId,key,endpoint,units,status,priceList,grant",
    );
    assert.equal(lines.length, 9);
    assert.ok(lines.some((line) => line.includes("charge,-0.333333,")));
    assert.doesNotMatch(answer.text, /colleagues/);
  }
  const usage = await customer.get("/usage?format=csv&groupBy=endpoint");
  const [head, first] = usage.text.split("\r\n");
  assert.equal(head, "time,timeEnd,creditType,endpoint,key,requests,units,credits,refunded");
  assert.equal(first, ",,credits,GET /fixed,,4,4,20,2");
  const headOnly = await customer.call("HEAD", "/v1/credits/entries?format=csv");
  assert.deepEqual([headOnly.status, headOnly.text], [200, ""]);
});

/** Finds the rows of an account's pool, `$1` being the account. */
const of = (creditType: string): string =>
  `e.account_no = (SELECT account_no FROM farebox.accounts WHERE account_id = $1)
   AND e.type_no = (SELECT type_no FROM farebox.credit_types WHERE credit_type = '${creditType}')`;

test("a statement of ten thousand lines is written whole while the client reads it slowly", async () => {
  const { customer } = await openSpender();
  await scene.database.query(
    `INSERT INTO farebox.entries (account_no, type_no, seq, shard, at, kind, amount, balance, spent)
     SELECT e.account_no, e.type_no, e.seq + n, e.shard, e.at, 'a', 0, e.balance, e.spent
     FROM farebox.entries e, generate_series(1, 10000) n
     WHERE ${of("search")} AND e.seq = 2`,
    [customer.id],
  );
  await scene.database.query(`UPDATE farebox.pools e SET last_seq = last_seq + 10000 WHERE ${of("search")}`, [
    customer.id,
  ]);
  const response = await fetch(`${scene.gateway}/v1/credits/entries?creditType=search&format=csv`, {
    headers: { authorization: `Bearer ${customer.key}` },
  });
  assert.equal(response.headers.get("content-length"), null);
  let text = "";
  for await (const part of response.body ?? []) text += Buffer.from(part).toString("utf8");
  const lines = text.trimEnd().split("\r\n");
  assert.equal(lines.length, 10_003);
  assert.match(lines.at(-1) ?? "", /^search,1,/);
});

test("wrong queries name the parameter", async (context) => {
  const customer = await scene.openCustomer();
  const cases: readonly (readonly [string, string])[] = [
    ["/usage?resolution=week", "resolution"],
    ["/usage?from=2026-01-02&to=2026-01-01", "from"],
    ["/usage?from=2026-01-01&to=2026-01-09&resolution=hour", "to"],
    ["/usage?from=2026-01-01&to=2026-03-03&resolution=day", "to"],
    ["/usage?from=2024-01-01&to=2026-01-02&resolution=month", "to"],
    ["/usage?from=yesterday", "from"],
    ["/usage?timeZone=CET", "timeZone"],
    ["/usage?groupBy=account", "groupBy"],
    ["/usage?creditType=gold", "creditType"],
    ["/usage?format=xml", "format"],
    ["/usage?group=endpoint", "group"],
    ["/entries?kind=gift", "kind"],
    ["/entries?limit=0", "limit"],
    ["/entries?limit=501", "limit"],
    ["/entries?cursor=x", "cursor"],
    ["/entries?creditType=gold", "creditType"],
    ["/entries?to=2026-13-01", "to"],
    ["/entries?account=acc_x", "account"],
  ];
  for (const [path, field] of cases) {
    await context.test(path, async () => {
      const answer = await customer.get(path);
      assert.equal(answer.status, 422, answer.text);
      const problem = answer.json<{ code: string; errors: { path: string; reason: string }[] }>();
      assert.equal(problem.code, "fields_invalid");
      assert.deepEqual(
        problem.errors.map((error) => error.path),
        [field],
      );
      assert.ok((problem.errors[0]?.reason ?? "") !== "");
    });
  }
});
