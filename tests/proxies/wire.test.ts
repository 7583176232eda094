import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { request as send } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { openScene, type Scene } from "../customer-api/scene.ts";

/**
 * Debian has no Traefik and no Envoy. These clients read the example and speak its wire as the documents say: Traefik's ForwardAuth
 * (doc.traefik.io/traefik/middlewares/http/forwardauth), Envoy's ext_authz over HTTP
 * (envoyproxy.io/docs, extensions.filters.http.ext_authz.v3.HttpService) and ext_proc over HTTP
 * (extensions.filters.http.ext_proc.v3.ExtProcHttpService, service.ext_proc.v3: a message as JSON in a POST, names as in the protocol's files).
 */

const EXAMPLES = join(import.meta.dirname, "..", "..", "examples", "proxies");

type Headers = Readonly<Record<string, string>>;

interface Customer {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
}

/** What the proxy does then: it passes the request on with these headers, or answers. */
interface Outcome {
  readonly passed: Headers | undefined;
  readonly status: number;
  /** What the customer sees. */
  readonly headers: Headers;
  readonly body: string;
}

type Proxy = (config: string, customer: Customer) => Promise<Outcome>;

function ask(url: string, method: string, headers: Headers, sent?: string): Promise<Omit<Outcome, "passed">> {
  return new Promise((resolve, reject) => {
    const call = send(url, { method, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => {
        const told = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
        resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(told), body });
      });
    });
    call.on("error", reject);
    call.end(sent);
  });
}

const without = (headers: Headers, names: readonly string[]): Headers =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));

const only = (headers: Headers, names: readonly string[]): Headers =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => names.some((one) => name.startsWith(one))));

const traefik: Proxy = async (config, { method, path, headers }) => {
  const { middlewares } = parse(config).http;
  const { address, authResponseHeaders, trustForwardHeader } = middlewares.farebox.forwardAuth;
  assert.equal(trustForwardHeader, false);
  const own = {
    "x-forwarded-method": method,
    "x-forwarded-uri": path,
    "x-forwarded-proto": "http",
    "x-forwarded-host": "api.example",
    "x-forwarded-for": "203.0.113.7",
  };
  // A GET with the customer's headers, without the body.
  const answer = await ask(address, "GET", { ...without(headers, ["content-length", "host"]), ...own });
  if (answer.status >= 300) return { ...answer, passed: undefined };
  const copied: string[] = authResponseHeaders.map((name: string) => name.toLowerCase());
  const removed = Object.keys(middlewares["without-key"].headers.customRequestHeaders);
  const passed = { ...without(headers, copied), ...only(answer.headers, copied) };
  return {
    passed: without(
      passed,
      removed.map((name) => name.toLowerCase()),
    ),
    status: 200,
    headers: {},
    body: "",
  };
};

interface Pattern {
  readonly exact?: string;
  readonly prefix?: string;
}

const envoy: Proxy = async (config, { method, path, headers }) => {
  const [listener] = parse(config).static_resources.listeners;
  const manager = listener.filter_chains[0].filters[0].typed_config;
  const filter = manager.http_filters[0].typed_config;
  const { server_uri, path_prefix, authorization_request, authorization_response } = filter.http_service;
  const namesOf = ({ patterns }: { readonly patterns: readonly Pattern[] }): string[] =>
    patterns.map(({ exact, prefix }) => exact ?? prefix ?? "");
  const added = authorization_request.headers_to_add.map(({ key, value }: { key: string; value: string }) => [
    key,
    value,
  ]);
  // The method and path of the customer behind the prefix, and of the headers only those that are allowed.
  const answer = await ask(server_uri.uri + path_prefix + path, method, {
    ...only({ ...headers, "x-forwarded-for": "203.0.113.7" }, namesOf(filter.allowed_headers)),
    ...Object.fromEntries(added),
    "content-length": "0",
  });
  if (answer.status !== 200) {
    const told = only(answer.headers, namesOf(authorization_response.allowed_client_headers));
    return { ...answer, headers: told, passed: undefined };
  }
  const copied = namesOf(authorization_response.allowed_upstream_headers);
  const [host] = manager.route_config.virtual_hosts;
  return {
    passed: without(
      { ...without(headers, copied), ...only(answer.headers, copied) },
      host.request_headers_to_remove,
    ),
    status: 200,
    headers: only(answer.headers, namesOf(authorization_response.allowed_client_headers_on_success)),
    body: "",
  };
};

interface Mutation {
  readonly set_headers?: readonly { readonly header: { readonly key: string; readonly raw_value: string } }[];
  readonly remove_headers?: readonly string[];
}

interface ProcessingResponse {
  readonly request_headers?: { readonly response?: { readonly header_mutation: Mutation } };
  readonly response_headers?: { readonly response?: { readonly header_mutation: Mutation } };
  readonly immediate_response?: {
    readonly status: { readonly code: number };
    readonly headers: Mutation;
    readonly body: string;
  };
  readonly dynamic_metadata?: Readonly<Record<string, unknown>>;
}

const setBy = ({ set_headers = [] }: Mutation): Headers =>
  Object.fromEntries(
    set_headers.map(({ header }) => [header.key, Buffer.from(header.raw_value, "base64").toString()]),
  );

/** The API behind it answers `status`. */
const extProc =
  (status: number): Proxy =>
  async (config, { method, path, headers }) => {
    const [listener] = parse(config).static_resources.listeners;
    const manager = listener.filter_chains[0].filters[0].typed_config;
    const filter = manager.http_filters[0].typed_config;
    const { uri } = filter.http_service.http_service.http_uri;
    assert.deepEqual(
      filter.metadata_options.receiving_namespaces,
      filter.metadata_options.forwarding_namespaces,
    );
    const namespaces: string[] = filter.metadata_options.forwarding_namespaces.untyped;
    const kept: Record<string, unknown> = {};
    // It sends no headers of a configuration's, and every field of a plain type.
    const post = async (kind: string, pairs: Headers): Promise<ProcessingResponse> => {
      const told = Object.entries(pairs).map(([key, value]) => ({
        key,
        value: "",
        raw_value: Buffer.from(value).toString("base64"),
      }));
      const message = {
        [kind]: { headers: { headers: told }, attributes: {}, end_of_stream: false },
        metadata_context: { filter_metadata: kept, typed_filter_metadata: {} },
        attributes: {},
        observability_mode: false,
      };
      const answer = await ask(uri, "POST", {}, JSON.stringify(message));
      assert.equal(answer.status, 200, answer.body);
      const response = JSON.parse(answer.body) as ProcessingResponse;
      for (const [name, value] of Object.entries(response.dynamic_metadata ?? {}))
        if (namespaces.includes(name)) kept[name] = value;
      return response;
    };
    const about = { ":method": method, ":path": path, ":scheme": "http", ":authority": "api.example" };
    const asked = await post("request_headers", { ...about, ...headers, "x-forwarded-for": "203.0.113.7" });
    if (asked.immediate_response !== undefined) {
      const { status: refused, headers: set, body } = asked.immediate_response;
      const text = Buffer.from(body, "base64").toString();
      return { passed: undefined, status: refused.code, headers: setBy(set), body: text };
    }
    const mutation = asked.request_headers?.response?.header_mutation ?? {};
    const answered = await post("response_headers", { ":status": String(status) });
    const [host] = manager.route_config.virtual_hosts;
    return {
      passed: without(
        { ...without(headers, mutation.remove_headers ?? []), ...setBy(mutation) },
        host.request_headers_to_remove,
      ),
      status,
      headers: setBy(answered.response_headers?.response?.header_mutation ?? {}),
      body: "",
    };
  };

for (const [name, folder, file, proxy, tellsCustomers] of [
  ["traefik", "traefik", "dynamic.yaml", traefik, false],
  ["envoy", "envoy", "envoy.yaml", envoy, true],
  ["envoy-ext-proc", "envoy", "ext-proc.yaml", extProc(200), true],
] as const) {
  describe(`the wire of ${name} with its example`, () => {
    let scene: Scene;
    let config: string;
    before(async () => {
      scene = await openScene(`
sidecar: { listen: 127.0.0.1:0 }
prices:
  - { match: GET /paid/*, cost: 2 }
  - { match: POST /read, when: { body: /mode, equals: full }, cost: 3 }
`);
      const { token } = await scene.operate<{ token: string }>("POST", "/v1/tokens", { name, role: "meter" });
      const text = await readFile(join(EXAMPLES, folder, file), "utf8");
      config = text
        .replaceAll("http://127.0.0.1:8402", scene.sidecar ?? "")
        .replaceAll("PUT-A-TOKEN-HERE", token);
    });
    after(() => scene.close());

    const call = (key: string, more: Partial<Customer> = {}): Promise<Outcome> =>
      proxy(config, {
        method: "GET",
        path: "/paid/x?a=1",
        ...more,
        headers: { authorization: `Bearer ${key}`, "x-farebox-account": "acc_forged", ...more.headers },
      });

    test("a call passes once it is charged, with who asks and without the key", async () => {
      const { id, key, keyId } = await scene.openCustomer(10);
      const { passed, headers } = await call(key);
      assert.ok(passed);
      assert.deepEqual(
        ["x-farebox-account", "x-farebox-key", "authorization", "x-farebox-token"].map((one) => passed[one]),
        [id, keyId, undefined, undefined],
      );
      assert.equal(headers["credits-remaining"], tellsCustomers ? "8" : undefined);
      const { pools } = await scene.operate<{ pools: { balance: number }[] }>(
        "GET",
        `/v1/accounts/${id}/balances`,
      );
      assert.equal(pools[0]?.balance, 8);
    });

    test("a refusal is the contract's, whole, and nothing passes", async () => {
      const { key } = await scene.openCustomer(1);
      for (const [presented, status, code, more] of [
        [key, 402, "insufficient_credits", {}],
        ["fbx_nobodys", 401, "key_invalid", {}],
        [key, 415, "media_type_unsupported", { method: "POST", path: "/read" }],
      ] as const) {
        const outcome = await call(presented, {
          ...more,
          headers: { "content-type": "application/json", "content-length": "2" },
        });
        assert.deepEqual(
          [outcome.passed, outcome.status, outcome.headers["x-farebox-reason"]],
          [undefined, status, code],
        );
        assert.match(outcome.body, new RegExp(`"code":"${code}"`));
      }
    });
  });
}
