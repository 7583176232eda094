import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { createdKey, keyBody } from "../../src/api/wire/key.ts";
import { eventually } from "../../src/gateway/testing/world.ts";
import { KeyWorld, type Reply } from "./key-world.ts";

/** Within which every instance knows of a change of a key. */
const KNOWN_MS = 5_000;

type Created = z.infer<typeof createdKey>;

for (const kind of ["pglite", "postgres"] as const) {
  describe(`keys through a gateway on ${kind}`, () => {
    let world: KeyWorld;
    let account: string;

    before(async () => {
      world = await KeyWorld.open(kind);
      const created = z.object({ id: z.string() });
      account = (await world.operator().post("/v1/accounts", created, { name: "Acme" })).id;
      await world.operator().post(`/v1/accounts/${account}/grants`, z.object({}), { amount: 100_000 });
    });
    after(() => world.close());

    const create = (body: object = {}): Promise<Created> =>
      world.operator().post(`/v1/accounts/${account}/keys`, createdKey, body);
    const rotate = (id: string, graceSeconds: number, instance = 0): Promise<Created> =>
      world.operator(instance).post(`/v1/keys/${id}/rotate`, createdKey, { graceSeconds });
    const read = (id: string) => world.operator().get(`/v1/keys/${id}`, keyBody);
    const balance = async (): Promise<number> => {
      const body = z.object({ pools: z.array(z.object({ balance: z.number(), held: z.number() })) });
      return (await world.operator().get(`/v1/accounts/${account}/balances`, body)).pools[0]?.balance ?? 0;
    };
    /** The text is refused at every gateway; fails when that takes longer than 5 s from now. */
    const refusedEverywhere = (text: string): Promise<void> =>
      eventually(async () => (await world.statuses(text)).every((status) => status === 401), KNOWN_MS);
    const worksEverywhere = async (text: string): Promise<void> => {
      for (const status of await world.statuses(text)) assert.equal(status, 200);
    };

    test("what is outside a key's scopes is refused, priced or not, and nothing is counted or charged", async () => {
      const { key } = await create({ scopes: ["GET /v1/leads", "* /v1/files/*"] });
      const [gateway = ""] = world.gateways;
      await worksEverywhere(key);
      const reached = world.reached.length;
      const paid = await balance();
      const outside: [string, string][] = [
        ["POST", "/v1/leads"],
        ["POST", "/v1/leads/7/notes"],
        ["GET", "/v1/unpriced"],
        ["HEAD", "/v1/unpriced"],
        ["GET", "/v1/files"],
        ["GET", "/v1/leads/7"],
        ["GET", "/v1/%6Ceadz"],
        ["GET", "/v1/credits"],
        ["GET", "/v1/credits/balances"],
        ["GET", "/v1/limited"],
      ];
      for (const [method, path] of outside) {
        // Five times: a request that is refused must use up no limit.
        for (let times = 0; times < 5; times += 1) {
          const reply = await world.call(gateway, key, method, path);
          assert.equal(reply.status, 403, `${method} ${path}: ${reply.text}`);
          if (method !== "HEAD") assert.equal(JSON.parse(reply.text).code, "key_not_permitted");
        }
      }
      const upgrade = {
        connection: "upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      };
      assert.equal((await world.call(gateway, key, "GET", "/v1/unpriced", upgrade)).status, 403);
      assert.equal(world.reached.length, reached);
      assert.equal(await balance(), paid);
      const { key: open } = await create();
      const limited = async () => (await world.call(gateway, open, "GET", "/v1/limited")).status;
      assert.deepEqual([await limited(), await limited(), await limited()], [200, 200, 429]);
    });

    test("what is inside is served, however its path is written, and HEAD goes with GET", async () => {
      const { key } = await create({ scopes: ["GET /v1/leads", "* /v1/files/*"] });
      const [gateway = ""] = world.gateways;
      const paid = await balance();
      const inside: [string, string, number][] = [
        ["GET", "/v1/leads", 1],
        ["HEAD", "/v1/leads", 1],
        ["GET", "/v1/%6Ceads", 1],
        ["GET", "/v1/leads/", 1],
        ["GET", "/V1/Leads?page=2", 1],
        ["GET", "/v1/files/a%20b", 1],
        ["PUT", "/v1/files/a/b", 0],
      ];
      let cost = 0;
      for (const [method, path, price] of inside) {
        const reply = await world.call(gateway, key, method, path);
        assert.equal(reply.status, 200, `${method} ${path}: ${reply.text}`);
        cost += price;
        assert.equal(await balance(), paid - cost, `${method} ${path}`);
      }
      // A browser's preflight carries no key.
      assert.equal((await world.call(gateway, undefined, "OPTIONS", "/v1/unpriced")).status, 200);
      assert.equal((await world.call(gateway, key, "GET", "/v1/leads%2Fx")).status, 400);
    });

    test("a key that is bound to addresses works from there only, as the trusted proxy tells, and everywhere within 5 s", async () => {
      const made = await create({ addresses: ["192.0.2.0/24", "2001:db8::/32"] });
      const [gateway = ""] = world.gateways;
      const from = async (address: string, path: string): Promise<readonly [number, string]> => {
        const headers = { "x-forwarded-for": address };
        const { status, text } = await world.call(gateway, made.key, "GET", path, headers);
        return [status, status === 200 ? "" : JSON.parse(text).code];
      };
      const paid = await balance();
      for (const path of ["/v1/leads", "/v1/unpriced", "/v1/credits/permissions"]) {
        assert.deepEqual(await from("192.0.2.7", path), [200, ""], path);
        assert.deepEqual(await from("2001:db8::7", path), [200, ""], path);
        assert.deepEqual(await from("198.51.100.7", path), [403, "address_not_permitted"], path);
        assert.deepEqual(await from("192.0.2.7, 198.51.100.7", path), [403, "address_not_permitted"], path);
      }
      assert.equal(await balance(), paid - 2);
      assert.deepEqual(new Set(await world.statuses(made.key)), new Set([403]));
      const changed = await world.operator().patch(`/v1/keys/${made.id}`, keyBody, { addresses: null });
      assert.equal(changed.addresses, null);
      await eventually(
        async () => (await world.statuses(made.key)).every((status) => status === 200),
        KNOWN_MS,
      );
    });

    test("changed scopes apply everywhere within 5 s", async () => {
      const made = await create({ scopes: ["GET /v1/files/{name}"] });
      assert.deepEqual(new Set(await world.statuses(made.key)), new Set([403]));
      await world.operator().patch(`/v1/keys/${made.id}`, keyBody, { scopes: null });
      await eventually(
        async () => (await world.statuses(made.key)).every((status) => status === 200),
        KNOWN_MS,
      );
      await world.operator().patch(`/v1/keys/${made.id}`, keyBody, { scopes: ["POST /v1/leads"] });
      await eventually(
        async () => (await world.statuses(made.key)).every((status) => status === 403),
        KNOWN_MS,
      );
    });

    test("under load, the old text works until its grace ends by the database's clock, the new one at once", async () => {
      const made = await create();
      await worksEverywhere(made.key);
      const calls: { text: string; startedAt: number; endedAt: number; status: number }[] = [];
      const stop = new AbortController();
      const load = async (text: string, gateway: string): Promise<void> => {
        while (!stop.signal.aborted) {
          const startedAt = Date.now();
          const { status } = await world.call(gateway, text, "GET", "/v1/leads");
          calls.push({ text, startedAt, endedAt: Date.now(), status });
        }
      };
      const everywhere = (text: string) =>
        world.gateways.flatMap((gateway) => [load(text, gateway), load(text, gateway)]);
      const loads = everywhere(made.key);
      const rotated = await rotate(made.id, 2);
      loads.push(...everywhere(rotated.key));
      // The database runs on this machine: its clock is ours.
      const endsAt = Date.parse(rotated.secretsInGrace[0]?.expiresAt ?? "");
      await eventually(() => Date.now() > endsAt, 10_000);
      const late = Date.now();
      await refusedEverywhere(made.key);
      const knownAt = Date.now();
      const countAfter = calls.length;
      await eventually(() => calls.length > countAfter + 20);
      stop.abort();
      await Promise.all(loads);
      assert.ok(knownAt - late < 1_000, `refused ${knownAt - late} ms after the grace`);
      const old = calls.filter(({ text }) => text === made.key);
      const inGrace = old.filter(({ endedAt }) => endedAt < endsAt);
      const over = old.filter(({ startedAt }) => startedAt > knownAt);
      assert.ok(inGrace.length > 10 && over.length > 0, `${inGrace.length} in grace, ${over.length} over`);
      assert.deepEqual(new Set(inGrace.map(({ status }) => status)), new Set([200]));
      assert.deepEqual(new Set(over.map(({ status }) => status)), new Set([401]));
      const fresh = calls.filter(({ text }) => text === rotated.key);
      assert.deepEqual(new Set(fresh.map(({ status }) => status)), new Set([200]));
    });

    test("a grace of 0 ends former texts everywhere within 5 s; the new one works at once", async () => {
      const made = await create();
      await worksEverywhere(made.key);
      const second = await rotate(made.id, 3600);
      await worksEverywhere(made.key);
      await worksEverywhere(second.key);
      const third = await rotate(made.id, 0);
      await worksEverywhere(third.key);
      await Promise.all([refusedEverywhere(made.key), refusedEverywhere(second.key)]);
    });

    test("a revocation ends the text and those in grace everywhere within 5 s", async () => {
      const made = await create();
      const rotated = await rotate(made.id, 3600);
      await worksEverywhere(made.key);
      await worksEverywhere(rotated.key);
      await world.operator().post(`/v1/keys/${made.id}/revoke`, keyBody, {});
      await Promise.all([refusedEverywhere(made.key), refusedEverywhere(rotated.key)]);
    });

    test("two rotations at once give two texts, which both work while their grace lasts", async () => {
      const made = await create();
      const [one, other] = await Promise.all([rotate(made.id, 3600, 0), rotate(made.id, 3600, 1)]);
      assert.notEqual(one.key, other.key);
      for (const { key } of [made, one, other]) await worksEverywhere(key);
      const { hint, secretsInGrace } = await read(made.id);
      assert.equal(secretsInGrace.length, 2);
      assert.ok([one.key, other.key].some((key) => key.slice(-4) === hint.slice(-4)));
    });

    test("unknown, malformed, revoked, expired and rotated-out texts look alike", async () => {
      const [gateway = ""] = world.gateways;
      const revoked = await create();
      await world.operator().post(`/v1/keys/${revoked.id}/revoke`, keyBody, {});
      const expired = await create({ expiresAt: new Date(Date.now() + 500).toISOString() });
      const rotated = await create();
      await rotate(rotated.id, 0);
      await eventually(async () => (await read(expired.id)).state === "expired");
      const unknown = await create();
      const seen = new Set<string>();
      const last = unknown.key.endsWith("a") ? "b" : "a";
      for (const key of [revoked.key, expired.key, rotated.key, `${unknown.key.slice(0, -1)}${last}`, "x"]) {
        await refusedEverywhere(key);
        seen.add(anonymous(await world.call(gateway, key, "GET", "/v1/leads")));
      }
      assert.equal(seen.size, 1, [...seen].join("\n"));
    });

    test("the last use is told, for the key and for each text that is in grace", async () => {
      const made = await create();
      assert.equal((await read(made.id)).lastUsedAt, null);
      const rotated = await rotate(made.id, 3600);
      await worksEverywhere(rotated.key);
      await eventually(async () => (await read(made.id)).lastUsedAt !== null);
      assert.equal((await read(made.id)).secretsInGrace[0]?.lastUsedAt, null);
      await worksEverywhere(made.key);
      await eventually(async () => typeof (await read(made.id)).secretsInGrace[0]?.lastUsedAt === "string");
    });
  });
}

/** The whole answer without what differs between any two answers. */
function anonymous({ status, headers, text }: Reply): string {
  const { date: _date, "x-request-id": _id, ...kept } = headers;
  const body = JSON.parse(text);
  return JSON.stringify([status, kept, { ...body, requestId: "" }]);
}
