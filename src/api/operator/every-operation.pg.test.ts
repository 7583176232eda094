import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../../ledger/database/database.ts";
import { listAudit } from "../../ledger/operators/operator-audit.ts";
import { assertSound } from "../../ledger/testing/books.ts";
import { eachDatabase } from "../../ledger/testing/test-databases.ts";
import { MUTATION_CASES, type MutationCase, Scene } from "./testing/mutation-cases.ts";
import { type DescribedOperation, fillPath, readOperations } from "./testing/read-operations.ts";
import { type Resolve, wrongValues } from "./testing/wrong-values.ts";

/** Ids of the right shape that nothing has. */
const UNKNOWN: Readonly<Record<string, string>> = {
  account: "acc_0000000000000000",
  key: "key_0000000000000000",
  charge: "chg_0000000000000000.credits.1",
  call: "0198f2a0-5a7e-7c1d-9b3f-0a1b2c3d4e5f",
  version: "999999",
  bulkRefund: "bulk_0000000000000000",
  export: "00000000-0000-4000-8000-000000000000",
  token: "tok_0000000000000000",
  session: "ses_0000000000000000",
  hold: "0198f2a0-5a7e-7c1d-9b3f-0a1b2c3d4e5f",
};

/** Answered without a token: they carry no data. */
const OPEN = /^\/(|healthz|readyz|v1\/openapi\.json|v1\/docs(\/:file)?)$/;

eachDatabase("every operation of the operator API", (openFresh) => {
  let database: Database;
  let scene: Scene;
  let operations: readonly DescribedOperation[];
  let mutations: readonly (DescribedOperation & { readonly tried: MutationCase })[];
  let resolve: Resolve;
  before(async () => {
    database = await openFresh();
    scene = await Scene.open(database);
    ({ operations, resolve } = await readOperations(scene.operator));
    mutations = operations.flatMap((operation) => {
      const tried = MUTATION_CASES[operation.id];
      return tried === undefined ? [] : [Object.assign({}, operation, { tried })];
    });
  });

  /** A digest of every row of every table: what was tried must not have changed one. */
  async function readEverything(): Promise<Record<string, unknown>> {
    const tables = await database.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c
       WHERE c.relnamespace = 'farebox'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       ORDER BY c.relname`,
    );
    assert.ok(tables.length > 15);
    const digests: [string, unknown][] = [];
    for (const { name } of tables) {
      const [row] = await database.query<{ rows: bigint; digest: string | null }>(
        `SELECT count(*) AS rows, md5(string_agg(t::text, '|' ORDER BY t::text)) AS digest FROM farebox.${name} t`,
      );
      digests.push([name, row]);
    }
    return Object.fromEntries(digests);
  }

  /** Runs what must have no effect, and compares everything. */
  async function changesNothing(what: string, run: () => Promise<void>): Promise<void> {
    const earlier = await readEverything();
    await run();
    assert.deepEqual(await readEverything(), earlier, `${what} has no effect`);
  }

  async function countAudit(): Promise<bigint> {
    const [row] = await database.query<{ rows: bigint }>("SELECT count(*) AS rows FROM operator_audit");
    return row?.rows ?? assert.fail();
  }

  const send = ({ method, path }: DescribedOperation, params: Record<string, string>, body: unknown) =>
    scene.operator.send(method, fillPath(path, params), body === undefined ? {} : { body });

  test("each is tried here: one that changes something has a case", () => {
    assert.deepEqual(
      operations
        .filter(({ method }) => method !== "GET")
        .map(({ id }) => id)
        .toSorted(),
      Object.keys(MUTATION_CASES).toSorted(),
    );
  });

  test("without a token, with a wrong one, with a customer's key: 401 and no effect, on every route", async () => {
    const { key } = await scene.key();
    const prepared = await Promise.all(
      mutations.map(async ({ method, path, tried }) => {
        const { params = {}, body } = await tried.prepare(scene);
        return { method, path: fillPath(path, params), body };
      }),
    );
    const routes = scene.operator.app.routes
      .filter(({ method, path }) => method !== "ALL" && !OPEN.test(path))
      .map(({ method, path }) => ({
        body: {},
        method,
        path: path.replaceAll(/:(\w+)/g, (_, name: string) => UNKNOWN[name] ?? "x"),
      }));
    assert.ok(routes.length >= operations.length);
    await changesNothing("what is not authorised", async () => {
      for (const authorization of ["", "Bearer wrong", `Bearer ${key}`, `Basic ${key}`]) {
        for (const { method, path, body } of [...routes, ...prepared]) {
          const answer = await scene.operator.send(method, path, {
            headers: { authorization },
            ...(method === "GET" ? {} : { body }),
          });
          assert.deepEqual(
            [answer.status, answer.body.code],
            [401, "operator_unauthorized"],
            `${method} ${path} with "${authorization}"`,
          );
        }
      }
    });
  });

  test("an id that nothing has is 404, wherever it is used, with no effect", async () => {
    const bodies = new Map<string, object | undefined>();
    for (const { id, tried } of mutations) bodies.set(id, (await tried.prepare(scene)).body);
    await changesNothing("what names nothing", async () => {
      for (const operation of operations) {
        if (operation.pathParameters.length === 0) continue;
        const params = Object.fromEntries(
          operation.pathParameters.map((name) => [name, UNKNOWN[name] ?? assert.fail(`no unknown ${name}`)]),
        );
        const { status, body } = await send(operation, params, bodies.get(operation.id));
        assert.equal(status, 404, `${operation.title}: ${JSON.stringify(body)}`);
        assert.match(String(body.code), /_unknown$/, operation.title);
      }
    });
  });

  test("a body with one wrong field is refused by that field's path, with no effect", async () => {
    let tries = 0;
    for (const operation of mutations) {
      if (operation.body === undefined) continue;
      const { params = {}, body: right } = await operation.tried.prepare(scene);
      await changesNothing(operation.title, async () => {
        for (const { value, path, why } of wrongValues(operation.body ?? {}, right, resolve)) {
          tries += 1;
          const { status, body } = await send(operation, params, JSON.stringify(value));
          const what = `${operation.title}: ${path}: ${why}: ${JSON.stringify(value).slice(0, 200)}`;
          assert.deepEqual([status, body.code], [422, "request_invalid"], `${what}: ${JSON.stringify(body)}`);
          const paths = body.errors.map((error: { path: string }) => error.path);
          assert.ok(
            paths.some(
              (named: string) =>
                named === path || named.startsWith(`${path}.`) || named.startsWith(`${path}[`),
            ),
            `${what}: names ${paths.join()}`,
          );
        }
      });
    }
    assert.ok(tries > 400, `${tries} tries`);
  });

  test("a body that is no JSON is 400, another media type 415, a large one 413, with no effect", async () => {
    const prepared = new Map<string, Record<string, string>>();
    for (const { id, tried } of mutations) prepared.set(id, { ...(await tried.prepare(scene)).params });
    await changesNothing("a body that cannot be read", async () => {
      for (const operation of mutations.filter(({ body }) => body !== undefined)) {
        const path = fillPath(operation.path, prepared.get(operation.id));
        const answer = async (body: string, type = "application/json") =>
          (await scene.operator.send(operation.method, path, { body, headers: { "content-type": type } }))
            .status;
        assert.equal(await answer('{"name":'), 400, operation.title);
        assert.equal(await answer("name=Acme", "application/x-www-form-urlencoded"), 415, operation.title);
        assert.equal(await answer(`{"name":"${"x".repeat(1_100_000)}"}`), 413, operation.title);
      }
    });
  });

  test("a wrong parameter of a query is refused by its name", async () => {
    const account = await scene.account();
    const known: Record<string, string> = { ...UNKNOWN, account, key: (await scene.key()).id };
    for (const operation of operations.filter(({ method }) => method === "GET")) {
      for (const [name, schema] of Object.entries(operation.query)) {
        const wrong = [...wrongValues(schema, undefined, resolve)].filter(
          ({ value, why }) => typeof value !== "object" && !/ instead of /.test(why),
        );
        for (const { value, why } of wrong) {
          const path = `${fillPath(operation.path, known)}?${name}=${encodeURIComponent(String(value))}`;
          const { status, body } = await scene.operator.get(path);
          assert.equal(status, 422, `${path}: ${why}: ${JSON.stringify(body)}`);
          assert.equal(body.errors?.[0]?.path, name, `${path}: ${why}`);
        }
      }
    }
  });

  test("a cursor of another list, or one that was made up, is read or refused, never a fault", async () => {
    const account = await scene.account();
    const known: Record<string, string> = { ...UNKNOWN, account, key: (await scene.key()).id };
    const lists = operations.filter(({ method, query }) => method === "GET" && query["cursor"] !== undefined);
    assert.ok(lists.length > 8);
    for (const { path } of lists) {
      for (const position of [
        "1764000000000000.key_0000000000000001",
        "99999999999999999.999999999999999999999",
        "7",
        "x",
        "",
      ]) {
        const asked = `${fillPath(path, known)}?cursor=${Buffer.from(position).toString("base64url")}`;
        const { status, body } = await scene.operator.get(asked);
        assert.ok(status < 500, `${asked} (${position}): ${status} ${JSON.stringify(body)}`);
      }
    }
  });

  test("a parameter that the operation does not have, or that is given twice, is refused by its name", async () => {
    await changesNothing("a query that is not looked at", async () => {
      for (const { method, path, query, title } of operations) {
        if (OPEN.test(path)) continue;
        const ask = async (text: string) => {
          const asked = `${fillPath(path, UNKNOWN)}?${text}`;
          const { status, body } = await scene.operator.send(
            method,
            asked,
            method === "GET" ? {} : { body: {} },
          );
          assert.deepEqual([status, body.code], [422, "request_invalid"], `${title}?${text}`);
          return body.errors as readonly { readonly path: string; readonly reason: string }[];
        };
        assert.equal((await ask("surprise=1"))[0]?.path, "surprise", title);
        assert.equal((await ask("__proto__=1"))[0]?.path, "__proto__", title);
        for (const name of Object.keys(query)) {
          const [unknown] = await ask(`${name}${name.at(-1)}=x`);
          assert.match(unknown?.reason ?? "", new RegExp(`did you mean ${name}\\?`), title);
          assert.deepEqual(await ask(`${name}=%00`), [
            { path: name, reason: "must not have a NUL character" },
          ]);
          assert.deepEqual(await ask(`${name}=%ff`), [
            { path: name, reason: "must be percent-encoded UTF-8" },
          ]);
          if (name === "metadata") continue;
          assert.deepEqual(await ask(`${name}=1&${name}=1`), [{ path: name, reason: "must be given once" }]);
        }
      }
    });
  });

  test("a member that would be dropped and a text that cannot be kept are refused, wherever they are", async () => {
    await changesNothing("a body that cannot be kept", async () => {
      for (const { method, path, title } of mutations.filter(({ body }) => body !== undefined)) {
        for (const [text, where] of [
          ['{"__proto__":{"amount":1}}', "__proto__"],
          ['{"a":[{"__proto__":null}]}', "a[0].__proto__"],
          ['{"reason":"a\\u0000"}', "reason"],
          ['{"reason":"\\ud83d"}', "reason"],
        ] as const) {
          const answer = await scene.operator.send(method, fillPath(path, UNKNOWN), { body: text });
          assert.deepEqual([answer.status, answer.body.errors?.[0]?.path], [422, where], `${title}: ${text}`);
        }
      }
      for (const name of ["__proto__", "constructor", "prototype"]) {
        const { status, body } = await scene.operator.post(
          "/v1/accounts",
          `{"name":"A","metadata":{"${name}":"x"}}`,
        );
        assert.deepEqual([status, body.errors[0].path], [422, `metadata.${name}`]);
      }
      const twice = await scene.operator.get("/v1/accounts?metadata=crm:1&metadata=crm:2");
      assert.deepEqual([twice.status, twice.body.errors[0].path], [422, "metadata"]);
    });
  });

  test("what is right is done once: one audit row, which names the request; the same again is the same answer, byte for byte", async () => {
    for (const { method, path, title, tried } of mutations) {
      const { params = {}, body } = await tried.prepare(scene);
      const earlier = await countAudit();
      const request = {
        ...(body === undefined ? {} : { body }),
        headers: { "idempotency-key": `once-${title.replaceAll(/\W/g, "-")}` },
      };
      const first = await scene.operator.send(method, fillPath(path, params), request);
      assert.ok(first.status < 300, `${title}: ${first.status} ${JSON.stringify(first.body)}`);
      assert.equal(await countAudit(), earlier + (tried.action === null ? 0n : 1n), `${title}: audit rows`);
      if (tried.action === null) continue;
      const { items } = await listAudit(database, { limit: 1 });
      const requestId = first.headers.get("x-request-id");
      assert.deepEqual([items[0]?.action, items[0]?.requestId], [tried.action, requestId], title);
      const named = params["account"] ?? (tried.action === "account.create" ? first.body.id : undefined);
      if (named !== undefined) assert.equal(items[0]?.accountId, named, title);
      if ("key" in params || "charge" in params) assert.match(items[0]?.accountId ?? "", /^acc_/, title);
      await changesNothing(`${title} again`, async () => {
        const again = await scene.operator.send(method, fillPath(path, params), request);
        assert.deepEqual([again.status, again.text], [first.status, first.text], title);
        assert.equal(again.headers.get("idempotency-replayed"), "true", title);
      });
    }
    await assertSound(database);
  });
});
