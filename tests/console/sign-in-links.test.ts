import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openScene, type Scene } from "../customer-api/scene.ts";
import { askAsBrowser, CHANGE, codeOf } from "./ask-as-browser.ts";

let scene: Scene;
before(async () => {
  scene = await openScene("");
});
after(() => scene.close());

/** As a browser asks. */
const ask = (method: string, path: string, more?: Parameters<typeof askAsBrowser>[2]) =>
  askAsBrowser(`${scene.operator}${path}`, method, more);

const signIn = (body: object) => ask("POST", "/console/session", { headers: CHANGE, body });

test("a link signs its maker in once, also of two at once, until it expires or its token is revoked", async () => {
  const { id, name, token } = await scene.operate<{ id: string; name: string; token: string }>(
    "POST",
    "/v1/tokens",
    {
      name: "maker",
      role: "read",
    },
  );
  const linkBy = async (authorization: string): Promise<string> => {
    const made = await ask("POST", "/v1/console-links", { headers: { ...CHANGE, authorization }, body: {} });
    assert.equal(made.status, 201);
    assert.equal(made.body.path, `/console/#link=${made.body.link}`);
    return made.body.link;
  };
  const link = await linkBy(`Bearer ${token}`);
  const both = await Promise.all([signIn({ link }), signIn({ link })]);
  assert.deepEqual(
    both.map(({ status }) => status).toSorted((one, other) => one - other),
    [201, 401],
  );
  assert.deepEqual(codeOf(await signIn({ link })), [401, "sign_in_refused"]);
  const { body, cookie = "" } = both.find(({ status }) => status === 201) ?? {};
  assert.partialDeepStrictEqual(body, { actor: `token:${name}`, role: "read" });
  // Who is signed in could stay so for ever.
  const more = await ask("POST", "/v1/console-links", { headers: { ...CHANGE, cookie }, body: {} });
  assert.deepEqual(codeOf(more), [409, "console_link_needs_token"]);
  const late = await linkBy(`Bearer ${token}`);
  await scene.operate("POST", `/v1/tokens/${id}/revoke`, {});
  assert.deepEqual(codeOf(await signIn({ link: late })), [401, "sign_in_refused"]);
  const [own, expired] = [
    await linkBy(`Bearer ${scene.operatorToken}`),
    await linkBy(`Bearer ${scene.operatorToken}`),
  ];
  assert.equal((await signIn({ link: own })).body.actor, "operator");
  await scene.database.query("UPDATE farebox.console_links SET expires_at = statement_timestamp()");
  assert.deepEqual(codeOf(await signIn({ link: expired })), [401, "sign_in_refused"]);
});

test("operators see who is signed in, and sign browsers out", async () => {
  const customer = await scene.openCustomer();
  const enter = () =>
    askAsBrowser(`${scene.gateway}/portal/session`, "POST", { headers: CHANGE, body: { key: customer.key } });
  const signedIn = async (cookie: string): Promise<boolean> =>
    (await askAsBrowser(`${scene.gateway}/portal/session`, "GET", { headers: { cookie } })).status === 200;
  const [one, other] = [await enter(), await enter()];
  const list = (query: string) =>
    scene.operate<{ sessions: { id: string; account: string; actor: string }[]; next: string | null }>(
      "GET",
      `/v1/sessions?${query}`,
    );
  const { sessions } = await list(`account=${customer.id}`);
  assert.deepEqual(
    sessions.map(({ id }) => id),
    [other.body.id, one.body.id],
  );
  const first = await list(`account=${customer.id}&limit=1`);
  const next = await list(`account=${customer.id}&limit=1&cursor=${first.next}`);
  assert.deepEqual([...first.sessions, ...next.sessions], sessions);
  await scene.operate("POST", `/v1/sessions/${one.body.id}/end`, {});
  assert.deepEqual([await signedIn(one.cookie), await signedIn(other.cookie)], [false, true]);
  await scene.operate("POST", `/v1/accounts/${customer.id}/portal-links`, {});
  const ended = await scene.operate("POST", `/v1/accounts/${customer.id}/end-sessions`, {});
  assert.deepEqual(ended, { account: customer.id, sessions: 1, links: 1 });
  assert.equal(await signedIn(other.cookie), false);
  const own = await signIn({ token: scene.operatorToken });
  const listed = (await list("pages=console")).sessions.find(({ id }) => id === own.body.id);
  assert.partialDeepStrictEqual(listed, { account: null, actor: "operator", role: "admin" });
  await scene.operate("POST", `/v1/sessions/${own.body.id}/end`, {});
  assert.equal((await ask("GET", "/v1/self", { headers: { cookie: own.cookie } })).status, 401);
});
