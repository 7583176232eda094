import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { buildConsole } from "../../examples/build-console.ts";
import { listAudit } from "../../src/ledger/operators/operator-audit.ts";
import { OidcSignIn } from "../../src/sessions/console/oidc-sign-in.ts";
import { openScene, type Scene } from "../customer-api/scene.ts";
import { openPage } from "../end-to-end/browser.ts";
import { type Answered, askAsBrowser, CHANGE, codeOf } from "./ask-as-browser.ts";
import { TestProvider } from "./oidc-provider.ts";

const ADA = { email: "ada@example.com", email_verified: true, groups: ["staff", "farebox-admins"] };

let provider: TestProvider;
let scene: Scene;

before(async () => {
  await buildConsole();
  provider = await TestProvider.listen();
  scene = await openScene(`
prices: [{ match: GET /paid, cost: 2 }]
console:
  oidc:
    name: Example SSO
    issuer: ${provider.issuer}
    clientId: ${provider.clientId}
    clientSecret: ${provider.clientSecret}
    scopes: [openid, email, groups]
    roles:
      - { role: admin, claim: groups, value: farebox-admins }
      - { role: support, claim: groups, value: helpdesk, limits: { each: 5, day: 9 } }
      - { role: read, claim: email, value: reader@example.com }
`);
  provider.register(`${scene.operator}/console/oidc/callback`);
});
beforeEach(() => {
  provider.person = ADA;
});
after(async () => {
  await scene?.close();
  await provider?.close();
});

const ask = (path: string, headers: Record<string, string> = {}): Promise<Answered> =>
  askAsBrowser(`${scene.operator}${path}`, "GET", { headers });

/** A browser that follows redirects and keeps cookies, to the address that the provider sends it back to. */
async function passProvider(): Promise<{ callback: string; attempt: string }> {
  const begun = await ask("/console/oidc", { "sec-fetch-site": "same-origin" });
  assert.equal(begun.status, 303);
  assert.match(
    begun.headers["set-cookie"]?.[0] ?? "",
    /^farebox-oidc=[\w-]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/,
  );
  const cookies = new Map<string, string>();
  let address = begun.headers.location ?? "";
  while (!address.startsWith(scene.operator)) {
    assert.ok(address.startsWith(provider.issuer), address);
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const { headers, body } = await askAsBrowser(address, "GET", { headers: { cookie } });
    for (const set of headers["set-cookie"] ?? []) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      cookies.set(name, value);
    }
    assert.ok(headers.location, `${address}: ${JSON.stringify(body)}`);
    address = new URL(headers.location, address).href;
  }
  return { callback: address.slice(scene.operator.length), attempt: begun.cookie };
}

async function signIn(): Promise<Answered & { session: string }> {
  const { callback, attempt } = await passProvider();
  const back = await ask(callback, { cookie: attempt, "sec-fetch-site": "cross-site" });
  return { ...back, session: back.cookie };
}

const refusalOf = ({ status, headers }: Answered): readonly [number, string | undefined] => [
  status,
  headers.location,
];
const refused = (code: string): readonly [number, string] => [303, `/console/#refused=${code}`];

test("who has a role at the provider is signed in, and the audit trail has the person's name", async () => {
  const { status, headers, session } = await signIn();
  assert.deepEqual([status, headers.location], [303, "/console/"]);
  const [set = "", ended = ""] = headers["set-cookie"] ?? [];
  assert.match(set, /^farebox-console=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
  assert.match(ended, /^farebox-oidc=; Path=\/; Max-Age=0;/);
  const self = await ask("/console/session", { cookie: session });
  assert.partialDeepStrictEqual(self.body, { actor: "person:ada@example.com", role: "admin", limits: null });
  const { id } = await scene.openCustomer(0);
  const given = await askAsBrowser(`${scene.operator}/v1/accounts/${id}/grants`, "POST", {
    headers: { ...CHANGE, cookie: session },
    body: { amount: 5 },
  });
  assert.equal(given.status, 201);
  const [line] = (await listAudit(scene.database, { limit: 1, accountId: id })).items;
  assert.deepEqual([line?.actor, line?.action], ["person:ada@example.com", "grant.create"]);
});

test("the first rule that fits decides, with its limits; whom none fits is not let in", async () => {
  provider.person = { ...ADA, groups: ["helpdesk"] };
  const support = await signIn();
  const { body } = await ask("/console/session", { cookie: support.session });
  assert.deepEqual([body.role, body.limits], ["support", { each: 5, day: 9 }]);
  provider.person = { email: "reader@example.com", email_verified: true };
  const reader = await signIn();
  assert.equal((await ask("/console/session", { cookie: reader.session })).body.role, "read");
  provider.person = { ...ADA, groups: ["farebox-admins-of-another", "FAREBOX-ADMINS"] };
  assert.deepEqual(refusalOf(await signIn()), refused("role_not_permitted"));
});

test("an address that the provider has not verified is nobody's, and opens nothing", async () => {
  for (const email_verified of [false, undefined, "true"]) {
    provider.person = { ...ADA, email_verified };
    assert.deepEqual(refusalOf(await signIn()), refused("sign_in_refused"), String(email_verified));
  }
  provider.person = { ...ADA, email: "ada\u202e@example.com" };
  assert.deepEqual(refusalOf(await signIn()), refused("sign_in_refused"));
});

test("who says no at the provider is back at the sign-in page", async () => {
  provider.person = undefined;
  assert.deepEqual(refusalOf(await signIn()), refused("sign_in_refused"));
});

test("the provider's answer is good once, and in the browser that began", async () => {
  const { callback, attempt } = await passProvider();
  assert.deepEqual(refusalOf(await ask(callback)), refused("sign_in_expired"));
  const other = await passProvider();
  assert.deepEqual(refusalOf(await ask(callback, { cookie: other.attempt })), refused("sign_in_refused"));
  for (const cookie of ["farebox-oidc=x", `${attempt}; ${other.attempt}`]) {
    assert.deepEqual(refusalOf(await ask(callback, { cookie })), refused("sign_in_expired"), cookie);
  }
  const both = await Promise.all([1, 2].map(() => ask(callback, { cookie: attempt })));
  // The provider takes back what it gave for a code that comes twice: it may be that neither gets in.
  const letIn = both.filter((one) => one.headers.location === "/console/");
  assert.ok(letIn.length <= 1);
  for (const one of both) {
    if (!letIn.includes(one)) assert.deepEqual(refusalOf(one), refused("sign_in_refused"));
  }
  assert.deepEqual(refusalOf(await ask(callback, { cookie: attempt })), refused("sign_in_refused"));
  const forged = callback.replace(/state=[\w-]+/, "state=another");
  assert.deepEqual(refusalOf(await ask(forged, { cookie: other.attempt })), refused("sign_in_refused"));
});

test("another site cannot begin it, and no other name of the host is answered", async () => {
  const begin = (headers: Record<string, string>) => ask("/console/oidc", headers);
  assert.deepEqual(codeOf(await begin({ "sec-fetch-site": "cross-site" })), [403, "request_forged"]);
  assert.deepEqual(codeOf(await begin({ host: "evil.example" })), [403, "request_forged"]);
  const { callback, attempt } = await passProvider();
  const elsewhere = await ask(callback, { host: "evil.example", cookie: attempt });
  assert.deepEqual(codeOf(elsewhere), [403, "request_forged"]);
});

test("a person's session ends like any other: listed, and ended by an operator", async () => {
  const { session } = await signIn();
  const { body } = await ask("/console/session", { cookie: session });
  const listed = await scene.operate<{ sessions: { id: string; actor: string }[] }>(
    "GET",
    "/v1/sessions?pages=console",
  );
  assert.ok(listed.sessions.some(({ id, actor }) => id === body.id && actor === "person:ada@example.com"));
  await scene.operate("POST", `/v1/sessions/${body.id}/end`, {});
  assert.equal((await ask("/console/session", { cookie: session })).status, 401);
});

test("the page offers it by its name, and a browser goes there and back", async (context) => {
  const { page, complaints } = await openPage(context);
  page.setDefaultTimeout(120_000);
  await page.goto(`${scene.operator}/`);
  await page.getByRole("link", { name: "Sign in with Example SSO" }).click();
  await page.getByText("person:ada@example.com").first().waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  provider.person = { ...ADA, groups: [] };
  await page.getByRole("link", { name: "Sign in with Example SSO" }).click();
  await page.getByText("Your account has no role here.").waitFor();
  assert.equal(new URL(page.url()).hash, "");
  assert.deepEqual(
    complaints.filter((text) => !/status of 401/.test(text)),
    [],
  );
});

test("a provider that is away is said to be, and found when it is back", async () => {
  const away = await TestProvider.listen();
  const { issuer, clientId, clientSecret } = away;
  await away.close();
  const reasons: string[] = [];
  const people = new OidcSignIn({
    oidc: { name: "Away", issuer, clientId, clientSecret, scopes: ["openid"], person: "sub", roles: [] },
    path: "/console",
    refused: (reason) => reasons.push(reason),
    mayTry: () => true,
  });
  const begin = async (): Promise<string | undefined> => {
    const header = (name: string): string | undefined => (name === "host" ? "127.0.0.1:1" : undefined);
    const request = { method: "GET", path: "/console/oidc", query: "", header, body: "", address: "" };
    const { headers } = await people.begin(request);
    return headers.find(([name]) => name === "Location")?.[1];
  };
  assert.equal(await begin(), "/console/#refused=provider_unreachable");
  assert.equal(reasons.length, 1);
  const back = await TestProvider.listen(Number(new URL(issuer).port));
  back.register("http://127.0.0.1:1/console/oidc/callback");
  assert.ok((await begin())?.startsWith(`${issuer}/auth?`));
  await back.close();
});
