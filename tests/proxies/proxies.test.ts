import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openProxyScene, type ProxyScene } from "./proxy-scene.ts";

/** A program of Debian's, how it is started on its example, and what it can do. */
interface Proxy {
  readonly name: string;
  /** Another place of the program. */
  readonly variable: string;
  readonly program: string;
  readonly args: (folder: string) => readonly string[];
  /** Sends the contract's own body and headers with a refusal. */
  readonly passesRefusals: boolean;
  /** Takes nothing for an answer whose status costs nothing, or gives it back by itself. */
  readonly refunds: boolean;
  /** Tells Farebox the request's body, and settles by the answer. */
  readonly settles?: boolean;
}

const nginxArgs = (folder: string): readonly string[] => [
  "-p",
  folder,
  "-c",
  `${folder}/nginx.conf`,
  "-e",
  "stderr",
  "-g",
  `daemon off; pid ${folder}/nginx.pid;`,
];

const PROXIES: readonly Proxy[] = [
  {
    name: "nginx",
    variable: "NGINX",
    program: "/usr/sbin/nginx",
    args: nginxArgs,
    passesRefusals: false,
    refunds: false,
  },
  {
    name: "nginx-njs",
    variable: "NGINX",
    program: "/usr/sbin/nginx",
    args: nginxArgs,
    passesRefusals: true,
    refunds: true,
    settles: true,
  },
  {
    name: "haproxy",
    variable: "HAPROXY",
    program: "/usr/sbin/haproxy",
    args: (folder) => ["-db", "-f", `${folder}/haproxy.cfg`],
    passesRefusals: true,
    refunds: true,
  },
  {
    name: "caddy",
    variable: "CADDY",
    program: "/usr/bin/caddy",
    args: (folder) => ["run", "--adapter", "caddyfile", "--config", `${folder}/Caddyfile`],
    passesRefusals: true,
    refunds: false,
  },
];

test("while Farebox is away nothing passes, behind none of them", async () => {
  for (const { name, variable, program, args } of PROXIES) {
    const scene = await openProxyScene(name, process.env[variable] ?? program, args, "farebox");
    try {
      const { key } = await scene.openCustomer(10);
      const { status } = await scene.ask("/paid/x", { authorization: `Bearer ${key}` });
      assert.equal(status, name === "caddy" ? 502 : 503, name);
      assert.equal(scene.seen.length, 0);
    } finally {
      await scene.close();
    }
  }
});

test("a call that no server answers stays charged until it is settled, behind HAProxy too: its own 503 runs no script; njs settles it", async () => {
  for (const { name, variable, program, args, settles } of PROXIES) {
    const scene = await openProxyScene(name, process.env[variable] ?? program, args, "api");
    try {
      const { id, key } = await scene.openCustomer(10);
      const { status } = await scene.ask("/paid/x", { authorization: `Bearer ${key}` });
      assert.equal(status, name === "haproxy" ? 503 : 502, name);
      assert.equal(await scene.balance(id), settles === true ? 10 : 8, name);
    } finally {
      await scene.close();
    }
  }
});

for (const { name, variable, program, args, passesRefusals, refunds, settles = false } of PROXIES) {
  describe(`${name} in front of an API`, () => {
    let scene: ProxyScene;
    before(async () => {
      scene = await openProxyScene(name, process.env[variable] ?? program, args);
    });
    after(() => scene?.close());

    const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

    test("a call is charged once, the API is told who asks and not the key, and the customer what it cost", async () => {
      const { id, key, keyId } = await scene.openCustomer(10);
      const answer = await scene.ask("/paid/a%20b?x=%7B1", {
        ...bearer(key),
        "x-farebox-account": "acc_forged",
        "x-request-id": "forged",
      });
      assert.deepEqual([answer.status, await answer.json()], [200, { data: true }]);
      assert.deepEqual(
        ["credits-charged", "credits-remaining"].map((header) => answer.headers.get(header)),
        ["2", "8"],
      );
      assert.equal(await scene.balance(id), 8);
      const last = scene.seen.at(-1);
      assert.equal(last?.url, "/paid/a%20b?x=%7B1");
      assert.deepEqual(
        ["x-farebox-account", "x-farebox-key", "authorization", "x-farebox-token"].map(
          (header) => last?.headers[header],
        ),
        [id, keyId, undefined, undefined],
      );
      assert.match(String(last?.headers["x-request-id"]), /^[0-9a-f-]{36}$/);
    });

    test("who may not is refused before the API is asked, with the reason", async () => {
      const { key } = await scene.openCustomer(1);
      const count = scene.seen.length;
      const poor = await scene.ask("/paid/x", bearer(key));
      assert.deepEqual([poor.status, poor.headers.get("x-farebox-reason")], [402, "insufficient_credits"]);
      const body = (await poor.json()) as { code: string; detail?: string };
      assert.equal(body.code, "insufficient_credits");
      assert.equal(body.detail !== undefined, passesRefusals);
      const unknown = await scene.ask("/paid/x", bearer("fbx_nobodys"));
      assert.deepEqual([unknown.status, unknown.headers.get("x-farebox-reason")], [401, "key_invalid"]);
      assert.ok(unknown.headers.has("www-authenticate"));
      const dear = await scene.ask("/paid/x", { ...bearer(key), "credits-max": "0.5" });
      assert.deepEqual([dear.status, dear.headers.get("x-farebox-reason")], [402, "quote_above_max"]);
      assert.equal(scene.seen.length, count);
    });

    test("what a customer writes of the request in headers of the proxy's counts for nothing", async () => {
      const { id, key } = await scene.openCustomer(10);
      for (const header of ["x-original-uri", "x-forwarded-uri", "X-Original-Url"]) {
        assert.equal((await scene.ask("/paid/x", { ...bearer(key), [header]: "/health" })).status, 200);
      }
      for (const header of ["x-original-method", "x-forwarded-method"]) {
        assert.equal((await scene.ask("/paid/x", { ...bearer(key), [header]: "OPTIONS" })).status, 200);
      }
      assert.equal(await scene.balance(id), 0);
    });

    test(`a header that a price reads is priced as it is passed on, and a body that it reads is ${settles ? "read" : "refused"}`, async () => {
      const { id, key } = await scene.openCustomer(10);
      assert.equal((await scene.ask("/tier", { ...bearer(key), "x-tier": "gold" })).status, 200);
      assert.equal(scene.seen.at(-1)?.headers["x-tier"], "gold");
      assert.equal(await scene.balance(id), 5);
      const count = scene.seen.length;
      const read = (body: string): Promise<Response> =>
        fetch(`${scene.url}/read`, {
          method: "POST",
          headers: { ...bearer(key), "content-type": "application/json" },
          body,
        });
      const { status } = await read('{"mode":"full"}');
      assert.deepEqual([status, scene.seen.length], settles ? [200, count + 1] : [415, count]);
      if (!settles) return;
      assert.equal(await scene.balance(id), 2);
      assert.equal((await read('{"mode":"","mode":"full"}')).status, 400);
      assert.equal(await scene.balance(id), 2);
    });

    test("a body passes whole, and free and open requests too", async () => {
      const { key } = await scene.openCustomer(0);
      assert.equal((await scene.ask("/health")).status, 200);
      assert.equal((await scene.ask("/unpriced", bearer(key))).status, 200);
      const posted = await fetch(`${scene.url}/unpriced`, {
        method: "POST",
        headers: bearer(key),
        body: "x".repeat(100_000),
      });
      assert.equal(posted.status, 200);
      assert.equal(scene.seen.at(-1)?.headers["content-length"], "100000");
    });

    test(`an answer that the price does not charge is ${refunds ? "free, or refunded by the proxy" : "charged until it is settled with its status"}`, async () => {
      const { id, key } = await scene.openCustomer(10);
      const answer = await scene.ask("/paid/broken", bearer(key));
      assert.equal(answer.status, 500);
      assert.equal(answer.headers.get("credits-charged"), refunds ? null : "2");
      assert.equal(await scene.balance(id), refunds ? 10 : 8);
    });

    if (settles) {
      test("results are counted as the API says, a large answer is none, and a repetition under a key is the first answer", async () => {
        const { id, key } = await scene.openCustomer(20);
        const counted = await scene.ask("/counted?n=3", bearer(key));
        assert.deepEqual(
          [counted.status, counted.headers.get("credits-charged"), await counted.json()],
          [200, "3", { data: true }],
        );
        await assert.rejects(scene.ask("/paid/large", bearer(key)));
        assert.equal(await scene.balance(id), 17);
        const once = { ...bearer(key), "idempotency-key": "k" };
        assert.equal((await scene.ask("/paid/x", once)).status, 200);
        const count = scene.seen.length;
        const again = await scene.ask("/paid/x", once);
        assert.deepEqual([again.status, await again.text()], [200, '{"data":true}']);
        assert.deepEqual([scene.seen.length, await scene.balance(id)], [count, 15]);
      });
    }

    test("fifty calls at once never pay more than there is", async () => {
      const { id, key } = await scene.openCustomer(21);
      const answers = await Promise.all(Array.from({ length: 50 }, () => scene.ask("/paid/x", bearer(key))));
      const statuses = answers.map(({ status }) => status);
      assert.equal(statuses.filter((status) => status === 200).length, 10, String(statuses));
      assert.equal(await scene.balance(id), 1);
    });
  });
}
