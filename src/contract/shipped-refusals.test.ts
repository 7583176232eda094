import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseCredits } from "../domain/credits.ts";
import { REFUSAL_CODES, type Refusal, type RefusalCode } from "../domain/refusal.ts";
import type { RenderContext } from "./contract.ts";
import { listContracts, loadContract } from "./load-contract.ts";

const context: RenderContext = {
  path: "/v1/x",
  requestId: "0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
  endpoint: "GET /v1/leads",
  nowMs: Date.parse("2026-08-01T00:00:00.250Z"),
};

const state = { limit: 300, remaining: 0, windowSeconds: 60, resetSeconds: 13 };
const required = parseCredits("2") ?? 0n;
const available = parseCredits("0.5") ?? 0n;

const examples: { readonly [Code in RefusalCode]: Extract<Refusal, { code: Code }> } = {
  key_missing: { code: "key_missing" },
  key_invalid: { code: "key_invalid" },
  key_not_permitted: { code: "key_not_permitted" },
  address_not_permitted: { code: "address_not_permitted", address: "192.0.2.7" },
  insufficient_credits: { code: "insufficient_credits", creditType: "credits", required, available },
  key_cap_reached: {
    code: "key_cap_reached",
    creditType: "credits",
    window: "day",
    cap: required,
    required,
    available,
    resetSeconds: 61,
  },
  quote_above_max: { code: "quote_above_max", creditType: "credits", quote: required, max: available },
  rate_limited: { code: "rate_limited", ...state },
  route_unknown: { code: "route_unknown" },
  request_invalid: { code: "request_invalid", reason: 'two "Host" headers' },
  method_not_allowed: { code: "method_not_allowed", allowed: ["GET", "POST"] },
  fields_invalid: {
    code: "fields_invalid",
    errors: [
      { path: "groupBy[1]", reason: 'is not "time"' },
      { path: "limit", reason: "is too large" },
    ],
  },
  resource_unknown: { code: "resource_unknown", what: "key", id: "key_1" },
  state_conflict: { code: "state_conflict", reason: "The key is revoked." },
  action_not_permitted: { code: "action_not_permitted", reason: "Self-service is off." },
  request_too_large: { code: "request_too_large", limitBytes: 1024 },
  media_type_unsupported: { code: "media_type_unsupported", reason: "it is not JSON" },
  upgrade_refused: { code: "upgrade_refused" },
  origin_refused: { code: "origin_refused", origin: "https://elsewhere.example" },
  export_in_progress: { code: "export_in_progress" },
  export_too_many_ids: { code: "export_too_many_ids", max: 10_000 },
  export_too_many_records: { code: "export_too_many_records", max: 10_000 },
  export_failed: { code: "export_failed", id: "exp_1", reason: "it was cancelled" },
  export_expired: { code: "export_expired", id: "exp_1" },
  export_limit_reached: { code: "export_limit_reached", max: 10, reason: "10 exports are unfinished." },
  range_unsatisfiable: { code: "range_unsatisfiable", bytes: 5 },
  idempotency_in_progress: { code: "idempotency_in_progress" },
  idempotency_mismatch: { code: "idempotency_mismatch" },
  idempotency_not_replayable: { code: "idempotency_not_replayable" },
  upstream_unreachable: { code: "upstream_unreachable" },
  upstream_invalid: { code: "upstream_invalid", reason: "its length is wrong" },
  upstream_timeout: { code: "upstream_timeout" },
  storage_unavailable: { code: "storage_unavailable", retryAfterSeconds: 2 },
  overloaded: { code: "overloaded", retryAfterSeconds: 1 },
  internal_error: { code: "internal_error" },
};

function render(contract: string, code: RefusalCode) {
  const { status, headers, body } = loadContract(contract).renderRefusal(examples[code], context);
  return {
    status,
    body,
    headers: Object.fromEntries(headers),
    names: headers.map(([name]) => name.toLowerCase()),
  };
}

/** The members of each contract's errors, in order. */
const shapes: Readonly<Record<string, (code: RefusalCode) => readonly string[]>> = {
  farebox: (code) => {
    const own: Partial<Record<RefusalCode, readonly string[]>> = {
      insufficient_credits: ["creditType", "required", "available"],
      key_cap_reached: ["creditType", "window", "cap", "required", "available", "resetSeconds"],
      quote_above_max: ["creditType", "quote", "max"],
      rate_limited: ["violated-policies"],
      fields_invalid: ["errors"],
    };
    return ["type", "title", "status", "detail", "code", "requestId", ...(own[code] ?? [])];
  },
  coresignal: () => ["detail"],
  enrichlayer: () => ["code", "description", "name"],
  exa: (code) => (code === "rate_limited" ? ["error"] : ["requestId", "error", "tag"]),
  firecrawl: () => ["success", "error"],
  hunter: () => ["errors"],
  peopledatalabs: () => ["status", "error"],
  serpapi: () => ["error"],
  crustdata: (code) => (code === "key_missing" || code === "key_invalid" ? ["message"] : ["error"]),
  explorium: () => ["details", "correlation_id"],
  leadboxer: (code) => {
    const problem = ["type", "title", "status", "detail", "instance"];
    if (code === "insufficient_credits") return [...problem, "billing_portal"];
    if (code !== "rate_limited") return ["error", "message"];
    const limit = ["rate-limit", "rate-limit-remaining", "rate-limit-period", "rate-limit-reset"];
    return [...problem, "retry-after", ...limit];
  },
};

/** Codes whose status is not the farebox contract's. */
const OTHER_STATUSES: Readonly<Record<string, readonly RefusalCode[]>> = {
  explorium: ["insufficient_credits"],
  enrichlayer: ["insufficient_credits"],
  hunter: ["insufficient_credits", "rate_limited"],
  serpapi: ["insufficient_credits"],
  coresignal: ["export_too_many_ids", "export_failed", "export_expired"],
};

for (const contract of listContracts()) {
  describe(`the contract ${contract}`, () => {
    for (const code of REFUSAL_CODES) {
      it(`answers ${code} in its own shape`, () => {
        const { status, body, headers, names } = render(contract, code);
        assert.ok(status >= 400 && status <= 599);
        const json: unknown = JSON.parse(body);
        assert.ok(typeof json === "object" && json !== null);
        assert.deepEqual(Object.keys(json), shapes[contract]?.(code));
        assert.match(headers["Content-Type"] ?? "", /^application\/(problem\+)?json$/);
        assert.equal(headers["Cache-Control"], "no-store");
        assert.equal(new Set(names).size, names.length, "a header twice");
        assert.doesNotMatch(body + Object.values(headers).join(), /\$\{|undefined|NaN|\[object/);
      });
    }

    it("gives each code the farebox contract's status, but for what its documentation says", () => {
      const statuses = REFUSAL_CODES.filter(
        (code) => render(contract, code).status !== render("farebox", code).status,
      );
      assert.deepEqual(statuses, OTHER_STATUSES[contract] ?? []);
    });
  });
}

describe("farebox follows the standards", () => {
  it("answers a missing and an invalid key with 401 and WWW-Authenticate", () => {
    assert.equal(render("farebox", "key_missing").headers["WWW-Authenticate"], 'Bearer realm="api"');
    assert.equal(
      render("farebox", "key_invalid").headers["WWW-Authenticate"],
      'Bearer realm="api", error="invalid_token"',
    );
  });

  it("answers too few credits with 402 and what is missing, as numbers", () => {
    const { status, body, headers } = render("farebox", "insufficient_credits");
    assert.equal(status, 402);
    assert.equal(headers["Content-Type"], "application/problem+json");
    assert.deepEqual(JSON.parse(body), {
      type: "urn:problem-type:farebox:insufficient_credits",
      title: "Insufficient credits",
      status: 402,
      detail: 'This request can cost 2 credits; the pool "credits" has 0.5 available.',
      code: "insufficient_credits",
      requestId: context.requestId,
      creditType: "credits",
      required: 2,
      available: 0.5,
    });
  });

  it("answers too many requests with 429, Retry-After and the RateLimit fields of draft 11", () => {
    const { status, headers } = render("farebox", "rate_limited");
    assert.equal(status, 429);
    assert.equal(headers["Retry-After"], "13");
    assert.equal(headers["RateLimit-Policy"], '"default";q=300;w=60');
    assert.equal(headers["RateLimit"], '"default";r=0;t=13');
  });

  it("answers wrong fields with 422 and names each", () => {
    const { status, body } = render("farebox", "fields_invalid");
    assert.equal(status, 422);
    const { detail, errors } = JSON.parse(body) as { detail: string; errors: unknown };
    assert.equal(detail, 'These fields cannot be accepted: groupBy[1] is not "time"; limit is too large.');
    assert.deepEqual(errors, [
      { path: "groupBy[1]", reason: 'is not "time"' },
      { path: "limit", reason: "is too large" },
    ]);
  });

  it("names the methods of an endpoint in Allow", () => {
    const { status, headers } = render("farebox", "method_not_allowed");
    assert.deepEqual([status, headers["Allow"]], [405, "GET, POST"]);
  });

  it("tells when to try again where that helps", () => {
    const retry = REFUSAL_CODES.filter((code) => "Retry-After" in render("farebox", code).headers);
    assert.deepEqual(retry, ["rate_limited", "idempotency_in_progress", "storage_unavailable", "overloaded"]);
  });
});

describe("the seeds' refusals, to the byte", () => {
  it('Coresignal: 402 with {"detail": "Insufficient credits"}', () => {
    const { status, body } = render("coresignal", "insufficient_credits");
    assert.equal(status, 402);
    assert.equal(body, '{"detail":"Insufficient credits"}');
  });

  it("Coresignal: a 429 comes without headers", () => {
    assert.deepEqual(render("coresignal", "rate_limited").names, ["content-type", "cache-control"]);
  });

  it('Crustdata: 401 { "message": "Missing API key in request" } without a key', () => {
    const { status, body } = render("crustdata", "key_missing");
    assert.equal(status, 401);
    assert.equal(body, '{"message":"Missing API key in request"}');
  });

  it('Crustdata: 401 { "message": "Invalid API key in request" } with an invalid key', () => {
    const { status, body } = render("crustdata", "key_invalid");
    assert.equal(status, 401);
    assert.equal(body, '{"message":"Invalid API key in request"}');
  });

  it("Crustdata: 402 has a type, a message and metadata below error", () => {
    const { status, body } = render("crustdata", "insufficient_credits");
    assert.equal(status, 402);
    const message = "Insufficient credits: this request needs 2, 0.5 are available.";
    assert.deepEqual(JSON.parse(body), { error: { type: "insufficient_credits", message, metadata: {} } });
  });

  it("Crustdata: the reset is in seconds left", () => {
    assert.equal(render("crustdata", "rate_limited").headers["x-ratelimit-reset"], "13");
  });

  it('LeadBoxer: 401 {"error":"Unauthorized","message":"Invalid or missing API key"} for both', () => {
    for (const code of ["key_missing", "key_invalid"] as const) {
      const { status, body } = render("leadboxer", code);
      assert.equal(status, 401);
      assert.equal(body, '{"error":"Unauthorized","message":"Invalid or missing API key"}');
    }
  });

  it("LeadBoxer: 402 is a problem with billing_portal", () => {
    const { headers, body } = render("leadboxer", "insufficient_credits");
    assert.equal(headers["Content-Type"], "application/problem+json");
    assert.match(
      body,
      /^\{"type":"https:\/\/developers\.leadboxer\.com\/docs\/payment-required","title":"Payment Required","status":402,"detail":"[^"]+","instance":"\/v1\/x","billing_portal":"https:/,
    );
  });

  it("LeadBoxer: 429 is a problem with kebab-case members, the reset in unix seconds", () => {
    const { headers, body } = render("leadboxer", "rate_limited");
    assert.equal(headers["Content-Type"], "application/problem+json");
    assert.match(
      body,
      /"retry-after":13,"rate-limit":300,"rate-limit-remaining":0,"rate-limit-period":"minute","rate-limit-reset":1785542414\}$/,
    );
  });

  it("Explorium: out of credits is 403 with details and a correlation id of 32 hex digits", () => {
    const { status, body } = render("explorium", "insufficient_credits");
    assert.equal(status, 403);
    assert.equal(
      body,
      '{"details":"You have insufficient credits to perform this operation. Please purchase additional credits.",' +
        '"correlation_id":"0198a1b2c3d47e5f8a9b0c1d2e3f4a5b"}',
    );
  });

  it("Explorium: 429 with X-RateLimit headers, the reset in unix seconds", () => {
    const { status, headers } = render("explorium", "rate_limited");
    assert.equal(status, 429);
    assert.equal(headers["X-RateLimit-Limit"], "300");
    assert.equal(headers["X-RateLimit-Remaining"], "0");
    assert.equal(headers["X-RateLimit-Reset"], "1785542414");
  });
});
