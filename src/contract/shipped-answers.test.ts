import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Credits, parseCredits } from "../domain/credits.ts";
import type { BalanceFacts } from "./account/account-state.ts";
import type { RenderContext, SettledFacts } from "./contract.ts";
import { listContracts, loadContract } from "./load-contract.ts";

const nowMs = Date.parse("2026-07-15T12:00:00Z");
const context: RenderContext = {
  requestId: "5618d686-ecb8-49fd-a660-c3023acf3120",
  endpoint: undefined,
  nowMs,
  startedMs: nowMs - 420,
};

function credits(text: string): Credits {
  const amount = parseCredits(text);
  assert.ok(amount !== undefined, text);
  return amount;
}

function pool(balance: string, recurring?: BalanceFacts["recurring"], creditType = "credits"): BalanceFacts {
  const grant = {
    grantId: "grt_1",
    source: "recurring",
    amount: credits("1000"),
    remaining: credits(balance),
    grantedAt: new Date(nowMs),
    expiresAt: null,
  };
  return {
    creditType,
    balance: credits(balance),
    held: 0n,
    lifetime: 0n,
    used: 0n,
    grants: [grant],
    recurring,
  };
}

function show(contract: string, path: string, pools: readonly BalanceFacts[]): string {
  const endpoint = loadContract(contract).findEndpoint("GET", path)?.endpoint;
  assert.equal(endpoint?.name, "balances");
  const answer = endpoint.render({ at: nowMs, pools, account: undefined }, context);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.headers, [
    ["Content-Type", "application/json"],
    ["Cache-Control", "no-store"],
  ]);
  return answer.body;
}

const monthly = {
  amount: credits("10000"),
  every: "month",
  startedAt: new Date("2026-07-01T00:00:00Z"),
  nextAt: new Date("2026-08-01T00:00:00Z"),
  rollover: true,
} as const;

describe("Crustdata's balance endpoints", () => {
  it('GET /user/credits: { "credits": 9406 }, and fractional for some plans', () => {
    assert.equal(show("crustdata", "/user/credits", [pool("9406")]), '{"credits":9406}');
    assert.equal(show("crustdata", "/user/credits", [pool("9406.5")]), '{"credits":9406.5}');
    assert.equal(show("crustdata", "/user/credits", [pool("0.03")]), '{"credits":0.03}');
  });

  it("GET /account/credits: the seed's example, to the byte", () => {
    const example = `{
    "account": {
      "credits": 9406.5,
      "recurring_credits": 10000,
      "recurring_credits_frequency": "monthly",
      "recurring_credits_refresh_date": "2026-08-01T00:00:00+00:00",
      "credit_rollover": true
    }
  }`;
    const body = show("crustdata", "/account/credits", [pool("9406.5", monthly)]);
    assert.equal(body, example.replace(/\s+/g, ""));
  });

  it("`0` if your plan has no recurring grant, `null` if no recurring grant", () => {
    const none =
      '{"account":{"credits":7,"recurring_credits":0,"recurring_credits_frequency":null,' +
      '"recurring_credits_refresh_date":null,"credit_rollover":false}}';
    assert.equal(show("crustdata", "/account/credits", [pool("7")]), none);
    assert.equal(show("crustdata", "/account/credits", []), none.replace('"credits":7', '"credits":0'));
  });

  it("names each frequency", () => {
    const words = (["day", "week", "month", "year"] as const).map((every) => {
      const body = show("crustdata", "/account/credits", [pool("1", { ...monthly, every })]);
      return /"recurring_credits_frequency":"(\w+)"/.exec(body)?.[1];
    });
    assert.deepEqual(words, ["daily", "weekly", "monthly", "yearly"]);
  });

  it("leaves milliseconds out of the refresh date", () => {
    const recurring = { ...monthly, nextAt: new Date("2026-08-01T06:07:08.999Z") };
    assert.match(
      show("crustdata", "/account/credits", [pool("1", recurring)]),
      /"2026-08-01T06:07:08\+00:00"/,
    );
  });
});

describe("the other balance endpoints", () => {
  it("Explorium's GET /v1/credits has a response context, allocated and remaining credits", () => {
    assert.equal(
      show("explorium", "/v1/credits", [pool("964")]),
      '{"response_context":{"correlation_id":"5618d686ecb849fda660c3023acf3120","request_status":"success",' +
        '"time_took_in_seconds":0.42},"allocated_credits":1000,"remaining_credits":964}',
    );
  });

  it("farebox's GET /v1/credits shows all pools", () => {
    const body = show("farebox", "/v1/credits", [
      pool("5", monthly, "search"),
      { ...pool("2.5", undefined, "collect"), held: credits("1") },
    ]);
    assert.deepEqual(JSON.parse(body), {
      pools: [
        {
          creditType: "search",
          balance: 5,
          held: 0,
          available: 5,
          recurring: 10000,
          every: "month",
          nextRefresh: "2026-08-01T00:00:00Z",
          rollover: true,
        },
        {
          creditType: "collect",
          balance: 2.5,
          held: 1,
          available: 1.5,
          recurring: 0,
          every: null,
          nextRefresh: null,
          rollover: false,
        },
      ],
    });
    assert.equal(show("farebox", "/v1/credits", []), '{"pools":[]}');
  });

  it("are answered for GET and HEAD under their path only, with the tolerance of prices", () => {
    const contract = loadContract("crustdata");
    assert.equal(contract.findEndpoint("HEAD", "/user/credits")?.endpoint.name, "balances");
    assert.equal(contract.findEndpoint("POST", "/user/credits"), undefined);
    assert.equal(contract.findEndpoint("GET", "/User/Credits/")?.match, "GET /user/credits");
    assert.equal(contract.findEndpoint("GET", "/user/credits/x"), undefined);
    assert.equal(contract.findEndpoint("GET", "/toString"), undefined);
    for (const name of ["coresignal", "leadboxer"]) {
      assert.equal(loadContract(name).findEndpoint("GET", "/user/credits"), undefined);
    }
  });
});

const settled: SettledFacts = {
  creditType: "search",
  charged: credits("2"),
  balance: credits("9973"),
  units: 1,
};

describe("headers of a response whose charge is committed", () => {
  it("Coresignal's example: x-credits-remaining: 9973", () => {
    assert.deepEqual(loadContract("coresignal").renderSettled(settled), [["x-credits-remaining", "9973"]]);
  });

  it("show fractional and small amounts as plain decimals", () => {
    const facts = { ...settled, charged: credits("0.03"), balance: credits("0.000001") };
    assert.deepEqual(loadContract("farebox").renderSettled(facts), [
      ["Credits-Charged", "0.03"],
      ["Credits-Remaining", "0.000001"],
    ]);
  });

  it("come when 0 was charged too", () => {
    assert.deepEqual(loadContract("farebox").renderSettled({ ...settled, charged: 0n }), [
      ["Credits-Charged", "0"],
      ["Credits-Remaining", "9973"],
    ]);
  });

  it("are ours alone: an upstream's are removed", () => {
    assert.deepEqual(loadContract("coresignal").ownHeaders, ["x-credits-remaining"]);
    assert.deepEqual(loadContract("farebox").ownHeaders, [
      "credits-charged",
      "credits-remaining",
      "ratelimit-policy",
      "ratelimit",
    ]);
    assert.deepEqual(loadContract("explorium").ownHeaders, [
      "x-ratelimit-limit",
      "x-ratelimit-remaining",
      "x-ratelimit-reset",
      "credit-usage-omitted",
    ]);
  });
});

describe("rate-limit headers of an accepted request", () => {
  const state = { limit: 300, remaining: 299, windowSeconds: 60, resetSeconds: 59.2 };
  const expected: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
    farebox: [
      ["RateLimit-Policy", '"default";q=300;w=60'],
      ["RateLimit", '"default";r=299;t=60'],
    ],
    crustdata: [
      ["x-ratelimit-limit", "300"],
      ["x-ratelimit-remaining", "299"],
      ["x-ratelimit-reset", "60"],
    ],
    explorium: [
      ["X-RateLimit-Limit", "300"],
      ["X-RateLimit-Remaining", "299"],
      ["X-RateLimit-Reset", "1784116860"],
    ],
    peopledatalabs: [
      ["X-RateLimit-Limit", "{'minute': 300}"],
      ["X-RateLimit-Remaining", "{'minute': 299}"],
      ["X-RateLimit-Reset", "2026-07-15T12:01:00Z"],
    ],
  };
  for (const name of listContracts()) {
    it(`of ${name}`, () => {
      assert.deepEqual(loadContract(name).renderRateLimit(state, context), expected[name] ?? []);
    });
  }
});

describe("Explorium's usage object", () => {
  const contract = loadContract("explorium");
  const facts = { ...settled, charged: credits("100"), units: 100 };
  const sent = (value: string | undefined) => (name: string) => (name === "credit-usage" ? value : undefined);

  it("is the seed's example, to the byte", () => {
    assert.deepEqual(contract.usageMembers(sent("true")), ["credit_usage"]);
    assert.equal(contract.renderUsage(sent("true"), facts), '{"total_results":100,"total_credits":100}');
  });

  it('"The header is case-insensitive in its value (true / True)"', () => {
    for (const value of ["true", "True", "TRUE", " true "]) {
      assert.notEqual(contract.usageMembers(sent(value)), undefined, value);
      assert.notEqual(contract.renderUsage(sent(value), facts), undefined, value);
    }
  });

  it('"Any other value, or omitting the header entirely, leaves the response unchanged"', () => {
    for (const value of [undefined, "", "false", "1", "yes", "true, true", "truee", '"true"']) {
      assert.equal(contract.usageMembers(sent(value)), undefined, value);
      assert.equal(contract.renderUsage(sent(value), facts), undefined, value);
    }
  });

  it("exists in no other shipped contract but Exa's, where nobody has to ask for it", () => {
    assert.deepEqual(loadContract("exa").usageMembers(sent(undefined)), ["costDollars"]);
    assert.equal(loadContract("exa").renderUsage(sent(undefined), facts), '{"total":100}');
    for (const name of listContracts().filter((other) => other !== "explorium" && other !== "exa")) {
      assert.equal(
        loadContract(name).usageMembers(() => "true"),
        undefined,
      );
      assert.equal(
        loadContract(name).renderUsage(() => "true", facts),
        undefined,
      );
    }
  });
});

describe("where the key is read", () => {
  const key = "fbx_abc";
  const headers: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
    farebox: [
      ["Authorization", `Bearer ${key}`],
      ["X-Api-Key", key],
    ],
    coresignal: [["apikey", key]],
    crustdata: [
      ["authorization", `Bearer ${key}`],
      ["Authorization", `Token ${key}`],
    ],
    leadboxer: [["x-api-key", key]],
    explorium: [["api_key", key]],
  };
  for (const name of listContracts()) {
    it(`by ${name}`, () => {
      const contract = loadContract(name);
      for (const header of headers[name] ?? []) {
        assert.deepEqual(contract.readKey(["Host", "x", ...header]), { key, ambiguous: false });
        assert.ok(contract.keyHeaders.includes(header[0].toLowerCase()));
      }
      assert.equal(contract.readKey(["Host", "x"]).key, undefined);
    });
  }
});
