import assert from "node:assert/strict";
import { test } from "node:test";
import { keepChangeKeys } from "./change-keys.ts";

type Answer = () => Response;

const done: Answer = () => Response.json({});
const replayed: Answer = () => Response.json({}, { headers: { "Idempotency-Replayed": "true" } });

const UNKNOWN: Readonly<Record<string, Answer>> = {
  lost: () => {
    throw new TypeError("Failed to fetch");
  },
  "a 503": () => Response.json({ code: "storage_unavailable" }, { status: 503 }),
  "cut off": () =>
    new Response(new ReadableStream({ pull: (controller) => controller.error(new TypeError("network")) })),
  "something else's": () => new Response("<html>"),
  "a refusal": () => Response.json({ code: "rate_limited" }, { status: 429 }),
};

/** Changes with an answer each: the key under which each was asked for, and what was told of those that were done. */
function changes() {
  let answer = done;
  let sent: string | null = null;
  const told: boolean[] = [];
  const fetch = keepChangeKeys({
    fetch: async (_url, init) => {
      sent = new Headers(init?.headers).get("idempotency-key");
      return await Promise.resolve().then(answer);
    },
    onReplay: (wasDone) => told.push(wasDone),
  });
  const change = async (amount: number, made: string, next: Answer): Promise<string | null> => {
    answer = next;
    await fetch("http://farebox.test/v1/accounts/acc_1/grants", {
      method: "POST",
      headers: { "idempotency-key": made },
      body: JSON.stringify({ amount }),
    }).catch(() => undefined);
    return sent;
  };
  return { change, told };
}

for (const [name, unknown] of Object.entries(UNKNOWN)) {
  test(`a change whose answer is ${name} keeps its key until it is done, and other content has its own`, async () => {
    const { change, told } = changes();
    assert.equal(await change(5, "one", unknown), "one");
    assert.equal(await change(6, "two", unknown), "two");
    assert.equal(await change(5, "three", unknown), "one");
    assert.equal(await change(5, "four", replayed), "one");
    assert.equal(await change(6, "five", done), "two");
    assert.equal(await change(5, "six", done), "six", "after it was done it is another change");
    // A replay of the client's own second try of one click is nothing to tell.
    assert.equal(await change(7, "seven", replayed), "seven");
    assert.deepEqual(told, [true, false, false, false]);
  });
}

test("reads have no key, and their answers pass as they came", async () => {
  const answer = new Response("a,b\n");
  const fetch = keepChangeKeys({ fetch: () => Promise.resolve(answer) });
  assert.equal(await fetch("http://farebox.test/v1/accounts", { method: "GET" }), answer);
});
