import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { TestAccount } from "../account.ts";
import { toMicro } from "../account.ts";
import type { Answer } from "../call.ts";
import { startProvider, type TestProvider } from "../harness.ts";
import { apiOf } from "./api.ts";

/** `POST /v1/credits/aggregation`: documented elsewhere by the vendor; the document beside this file only names it. */

let provider: TestProvider;
before(async () => {
  provider = await startProvider("explorium");
});
after(() => provider.close());

interface Aggregation {
  readonly response_context: Readonly<Record<string, unknown>>;
  readonly from_date: string;
  readonly to_date: string;
  readonly mode: string;
  readonly resolution: string | null;
  readonly timezone: string;
  readonly total_credits: number;
  readonly aggregations: readonly {
    readonly timestamp?: string;
    readonly hour?: string;
    readonly date?: string;
    readonly endpoint?: string;
    readonly credits: number;
  }[];
}

const HOUR_MS = 3_600_000;
const moment = (offsetMs: number): string => new Date(Date.now() + offsetMs).toISOString();
/** Around now, so that what a test charges lies in it. */
const TODAY = { from_date: moment(-12 * HOUR_MS), to_date: moment(12 * HOUR_MS) };

function ask(account: TestAccount, question: object): Promise<Answer> {
  return apiOf(provider.gateway, account).post("/credits/aggregation", question);
}

async function aggregate(account: TestAccount, question: object): Promise<Aggregation> {
  const answer = await ask(account, question);
  assert.equal(answer.status, 200, answer.text);
  return answer.json<Aggregation>();
}

const sum = (report: Aggregation): number =>
  report.aggregations.reduce((total, line) => total + toMicro(line.credits), 0);

/** Three calls of two endpoints: 7 + 5 + 1 credits. */
async function spend(account: TestAccount): Promise<void> {
  const api = apiOf(provider.gateway, account);
  for (const page_size of [7, 5]) assert.equal((await api.post("/businesses", { page_size })).status, 200);
  assert.equal((await api.post("/businesses/stats", { filters: {} })).status, 200);
}

/** What the ledger says was charged, in micro-credits. */
async function charged(account: TestAccount): Promise<number> {
  const entries = await account.entries("credits");
  return entries
    .filter(({ kind }) => kind === "charge")
    .reduce((total, { amount }) => total - toMicro(amount), 0);
}

test("by hour: zero buckets included, the sum is what the calls were charged, the request is repeated", async () => {
  const account = await provider.openAccount({ credits: 1000 });
  await spend(account);
  const report = await aggregate(account, { ...TODAY, mode: "timely", resolution: "hour", timezone: "UTC" });
  assert.deepEqual(Object.keys(report), [
    "response_context",
    "from_date",
    "to_date",
    "mode",
    "resolution",
    "timezone",
    "total_credits",
    "aggregations",
  ]);
  assert.deepEqual(Object.keys(report.response_context), [
    "correlation_id",
    "request_status",
    "time_took_in_seconds",
  ]);
  assert.deepEqual(
    [report.from_date, report.to_date, report.mode, report.resolution, report.timezone],
    [TODAY.from_date, TODAY.to_date, "timely", "hour", "UTC"],
  );
  assert.ok(report.aggregations.length >= 24 && report.aggregations.length <= 26);
  assert.ok(report.aggregations.filter(({ credits }) => credits === 0).length >= 22);
  assert.equal(toMicro(report.total_credits), await charged(account));
  assert.equal(sum(report), await charged(account));
  assert.equal(report.total_credits, 13);
  for (const { timestamp, hour, date } of report.aggregations.slice(1)) {
    assert.equal(timestamp, `${date}T${hour}:00Z`);
    assert.match(hour ?? "", /^\d\d:00$/);
  }
});

test("by endpoint: each with its credits, the same sum, no resolution", async () => {
  const account = await provider.openAccount({ credits: 1000 });
  await spend(account);
  const report = await aggregate(account, { ...TODAY, mode: "endpoints" });
  assert.deepEqual([report.mode, report.resolution, report.timezone], ["endpoints", null, "UTC"]);
  assert.deepEqual(report.aggregations, [
    { endpoint: "POST /v1/businesses", credits: 12 },
    { endpoint: "POST /v1/businesses/stats", credits: 1 },
  ]);
  assert.equal(report.total_credits, 13);
  assert.equal(sum(report), await charged(account));
});

test("by day in a time zone: each day begins at its own midnight, summer time or not", async () => {
  const account = await provider.openAccount({ credits: 10 });
  const berlin = { timezone: "Europe/Berlin", mode: "timely" };
  const period = { from_date: "2026-03-28T23:00:00Z", to_date: "2026-03-30T22:00:00Z" };
  const days = await aggregate(account, { ...berlin, ...period, resolution: "day" });
  assert.deepEqual(days.aggregations, [
    {
      timestamp: "2026-03-29T00:00:00+01:00",
      date: "2026-03-29",
      day_name: "Sunday",
      day_of_week: 6,
      credits: 0,
    },
    {
      timestamp: "2026-03-30T00:00:00+02:00",
      date: "2026-03-30",
      day_name: "Monday",
      day_of_week: 0,
      credits: 0,
    },
  ]);
  const hoursOf = async (from_date: string, to_date: string): Promise<readonly (string | undefined)[]> => {
    const hours = await aggregate(account, { ...berlin, from_date, to_date, resolution: "hour" });
    return hours.aggregations.map(({ hour }) => hour);
  };
  const spring = await hoursOf("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
  assert.deepEqual([spring.length, ...spring.slice(0, 4)], [23, "00:00", "01:00", "03:00", "04:00"]);
  const autumn = await hoursOf("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
  assert.deepEqual([autumn.length, ...autumn.slice(1, 5)], [25, "01:00", "02:00", "02:00", "03:00"]);
});

test("by month over two years", async () => {
  const account = await provider.openAccount({ credits: 10 });
  const report = await aggregate(account, {
    from_date: "2024-01-01",
    to_date: "2026-01-01",
    mode: "timely",
    resolution: "month",
  });
  assert.equal(report.aggregations.length, 24);
  assert.deepEqual(report.aggregations[1], {
    timestamp: "2024-02-01T00:00:00Z",
    date: "2024-02-01",
    year: 2024,
    month: 2,
    month_name: "February",
    month_abbr: "Feb",
    credits: 0,
  });
});

test("limited to a key by its name; a name that no key has is refused", async () => {
  const account = await provider.openAccount({ credits: 1000 });
  await spend(account);
  const all = await aggregate(account, { ...TODAY, mode: "endpoints" });
  const body = { ...TODAY, mode: "endpoints", key_name: "no such key" };
  const refused = await ask(account, body);
  assert.ok(sum(all) > 0);
  assert.deepEqual([refused.status, /key_name/.test(refused.text)], [422, true]);
});

test("a day of another time zone holds what was charged on it", async () => {
  const account = await provider.openAccount({ credits: 1000 });
  await spend(account);
  for (const timezone of ["Pacific/Kiritimati", "America/New_York", "Asia/Kathmandu"]) {
    const report = await aggregate(account, { ...TODAY, mode: "timely", resolution: "day", timezone });
    assert.equal(sum(report), 13_000_000, timezone);
    const now = new Intl.DateTimeFormat("en-CA", { timeZone: timezone }).format(Date.now());
    assert.equal(report.aggregations.find(({ credits }) => credits > 0)?.date, now);
  }
});

test("it is free, and another account's usage is not in it", async () => {
  const account = await provider.openAccount({ credits: 1000 });
  const other = await provider.openAccount({ credits: 1000 });
  await spend(other);
  const asked = provider.recorder.exchanges.length;
  const report = await aggregate(account, { ...TODAY, mode: "timely", resolution: "hour" });
  assert.equal(report.total_credits, 0);
  assert.deepEqual((await aggregate(account, { ...TODAY, mode: "endpoints" })).aggregations, []);
  assert.equal(await account.balance("credits"), 1000);
  assert.equal(provider.recorder.exchanges.length, asked);
});

const DAYS = (from: string, to: string, resolution: string): object => ({
  from_date: from,
  to_date: to,
  mode: "timely",
  resolution,
});

const WRONG: readonly (readonly [string, "INVALID_DATE_RANGE" | "INVALID_RESOLUTION", object])[] = [
  ["more than 7 days by hour", "INVALID_DATE_RANGE", DAYS("2026-01-01", "2026-01-08T00:15:00Z", "hour")],
  ["more than 60 days by day", "INVALID_DATE_RANGE", DAYS("2026-01-01", "2026-03-02T00:15:00Z", "day")],
  ["more than 2 years by month", "INVALID_DATE_RANGE", DAYS("2024-01-01", "2026-01-02", "month")],
  ["an end before the beginning", "INVALID_DATE_RANGE", DAYS("2026-01-02", "2026-01-01", "day")],
  ["an empty period", "INVALID_DATE_RANGE", DAYS("2026-01-01", "2026-01-01", "day")],
  ["no beginning", "INVALID_DATE_RANGE", { to_date: "2026-01-01", mode: "timely", resolution: "day" }],
  ["no date", "INVALID_DATE_RANGE", DAYS("yesterday", "2026-01-01", "day")],
  ["a day that is none", "INVALID_DATE_RANGE", DAYS("2026-02-30", "2026-03-01", "day")],
  ["a time without its offset", "INVALID_DATE_RANGE", DAYS("2026-01-01T00:00:00", "2026-01-02", "day")],
  ["a number", "INVALID_DATE_RANGE", { ...DAYS("2026-01-01", "2026-01-02", "day"), to_date: 1 }],
  ["no body", "INVALID_DATE_RANGE", []],
  ["an unknown resolution", "INVALID_RESOLUTION", DAYS("2026-01-01", "2026-01-02", "week")],
  ["a member of every object", "INVALID_RESOLUTION", DAYS("2026-01-01", "2026-01-02", "constructor")],
  ["none", "INVALID_RESOLUTION", { from_date: "2026-01-01", to_date: "2026-01-02", mode: "timely" }],
];

for (const [shown, code, question] of WRONG) {
  test(`400 ${code}: ${shown}`, async () => {
    const account = await provider.openAccount({ credits: 10 });
    const answer = await ask(account, question);
    assert.equal(answer.status, 400, answer.text);
    const body = answer.json<{
      response_context: { correlation_id: string };
      error: { code: string; message: string; details: object };
    }>();
    assert.deepEqual(Object.keys(body), ["response_context", "error"]);
    assert.match(body.response_context.correlation_id, /^[0-9a-f]{32}$/);
    assert.deepEqual([body.error.code, body.error.details], [code, {}]);
    assert.match(body.error.message, /^(from_date|to_date|resolution) (must|is missing)/);
  });
}

test("what has no documented code is a 422 in the shape of all errors, and no JSON a 400", async () => {
  const account = await provider.openAccount({ credits: 10 });
  const good = DAYS("2026-01-01", "2026-01-02", "day");
  for (const [field, value] of [
    ["mode", "weekly"],
    ["mode", 1],
    ["timezone", "Mars/Olympus"],
    ["timezone", "+02:00"],
    ["timezone", 2],
  ] as const) {
    const answer = await ask(account, { ...good, [field]: value });
    assert.equal(answer.status, 422, answer.text);
    const body = answer.json();
    assert.deepEqual(Object.keys(body), ["details", "correlation_id"]);
    assert.match(String(body["details"]), new RegExp(`${field} must be`));
  }
  const api = apiOf(provider.gateway, account);
  assert.equal(
    (await api.post("/credits/aggregation", "{", { "content-type": "application/json" })).status,
    400,
  );
});

test("the longest periods are allowed", async () => {
  const account = await provider.openAccount({ credits: 10 });
  const lengths = [];
  for (const [to, resolution] of [
    ["2026-01-08", "hour"],
    ["2026-03-02", "day"],
    ["2028-01-01", "month"],
  ] as const) {
    lengths.push((await aggregate(account, DAYS("2026-01-01", to, resolution))).aggregations.length);
  }
  assert.deepEqual(lengths, [168, 60, 24]);
});
