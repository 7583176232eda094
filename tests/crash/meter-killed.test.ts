import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FareboxError } from "../../src/domain/farebox-error.ts";
import type { Settled } from "../../src/embed/meter.ts";
import { assertAtRest, auditByCommand, readBooks, readHeld } from "./books.ts";
import { eventually } from "./eventually.ts";
import type { MeterCall } from "./meter-process.ts";
import { OutlivingMeter } from "./outliving-meter.ts";

const HOLDS = 4;
const RICH = 1_000;
const COST = 25;
const YAML = `
upstream: http://127.0.0.1:9
prices: [{ match: POST /work, cost: ${COST} }]
leases: { idle: 100ms, deadAfter: 2s }
`;

interface Told {
  readonly call: number;
  readonly answer?: { readonly hold?: string | null; readonly requestId?: string };
  readonly code?: string;
}

let world: OutlivingMeter;
const served: string[] = [];

before(async () => {
  world = await OutlivingMeter.open(YAML, RICH);
});
after(() => world?.close());

/** A worker's process, by way of the proxy. */
class Worker {
  readonly #child: ChildProcess;
  #calls = 0;

  static async start(): Promise<Worker> {
    const child = fork(join(import.meta.dirname, "meter-process.ts"), [world.argument]);
    const [message] = await once(child, "message");
    assert.equal(message, "open");
    return new Worker(child);
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Undefined: it was killed before it answered. */
  call(verb: MeterCall["verb"], request: object): Promise<Told | undefined> {
    this.#calls += 1;
    const call = this.#calls;
    return new Promise((resolve) => {
      this.#child.on("message", (told: Told) => {
        if (told.call === call) resolve(told);
      });
      this.#child.once("exit", () => resolve(undefined));
      this.#child.send({ call, verb, request } satisfies MeterCall);
    });
  }

  async authorize(): Promise<string> {
    const told = await this.call("authorize", { key: world.customer.key, method: "POST", path: "/work" });
    const { hold, requestId } = told?.answer ?? assert.fail(JSON.stringify(told));
    served.push(requestId ?? assert.fail("it was not admitted"));
    return hold ?? assert.fail("nothing is held");
  }

  async kill(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

/** By the process that lives, each twice at once, until it is told. */
async function settleAgain(holds: readonly string[]): Promise<void> {
  const settle = (hold: string): Promise<Settled> =>
    eventually("a hold is settled", async () => {
      try {
        return await world.meter.settle({ hold, status: 200 });
      } catch (error) {
        assert.ok(error instanceof FareboxError && error.retryable, String(error));
        return undefined;
      }
    });
  for (const settled of await Promise.all([...holds, ...holds].map(settle)))
    assert.partialDeepStrictEqual(settled, { outcome: "charged", charged: COST });
}

for (const step of ["commit", "told", "authorized"] as const) {
  test(`kill -9 of a process with the meter (${step}): each hold is charged once, by whoever goes on`, async () => {
    const worker = await Worker.start();
    const holds = await Promise.all(Array.from({ length: HOLDS }, () => worker.authorize()));
    const held = step === "authorized" ? undefined : world.proxy.hold("charge", step);
    const settling =
      held === undefined ? [] : holds.map((hold) => worker.call("settle", { hold, status: 200 }));
    await held?.reached;
    await worker.kill();
    await Promise.all(settling);
    await settleAgain(holds);
  });
}

test("what a killed process held and nobody settles is free again; nothing was charged twice", async () => {
  const worker = await Worker.start();
  await worker.authorize();
  assert.ok((await readHeld(world.books.target, world.customer.id)) > 0);
  served.pop();
  await worker.kill();
  await eventually("nothing is held", async () =>
    (await readHeld(world.books.target, world.customer.id)) === 0 ? true : undefined,
  );
  const left = await world.meter.balance(world.customer.key);
  assert.equal(left[0]?.balance, String(RICH - COST * served.length));
  const { entries, pools } = await readBooks(world.books.target);
  const charges = entries.filter(({ kind }) => kind === "charge").map(({ requestId }) => requestId ?? "");
  assert.deepEqual(charges.toSorted(), served.toSorted());
  assertAtRest({ entries, pools });
  await auditByCommand(world.books.target);
});
