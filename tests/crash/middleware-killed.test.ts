import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { assertAtRest, auditByCommand, readBooks, readHeld } from "./books.ts";
import { eventually } from "./eventually.ts";
import { OutlivingMeter } from "./outliving-meter.ts";

const CALLS = 4;
const COST = 25;
const YAML = `
prices: [{ match: GET /work, cost: ${COST} }, { match: GET /slow, cost: ${COST} }]
leases: { idle: 100ms, deadAfter: 2s }
`;

let world: OutlivingMeter;
/** Requests whose answer a client has. */
const answered: string[] = [];

before(async () => {
  world = await OutlivingMeter.open(YAML, 1_000);
});
after(() => world?.close());

interface Application {
  readonly child: ChildProcess;
  readonly port: number;
}

async function start(): Promise<Application> {
  const child = fork(join(import.meta.dirname, "application-process.ts"), [world.argument]);
  const [port]: number[] = await once(child, "message");
  assert.ok(port !== undefined && port > 0);
  return { child, port };
}

/** Resolves also when no answer comes. */
async function ask(port: number, path: string): Promise<void> {
  const headers = { authorization: `Bearer ${world.customer.key}` };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers }).catch(() => undefined);
  if (response === undefined) return;
  assert.deepEqual([response.status, await response.text()], [200, "done"]);
  answered.push(response.headers.get("x-request-id") ?? "");
}

const askAll = (port: number, path: string): Promise<unknown> =>
  Promise.all(Array.from({ length: CALLS }, () => ask(port, path)));

async function kill({ child }: Application): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

/** Which requests have paid, when nothing is held any more. */
async function readCharged(): Promise<readonly string[]> {
  await eventually("nothing is held", async () =>
    (await readHeld(world.books.target, world.customer.id)) === 0 ? true : undefined,
  );
  const { entries } = await readBooks(world.books.target);
  return entries.filter(({ kind }) => kind === "charge").map(({ requestId }) => requestId ?? "");
}

for (const step of ["commit", "told", "handled"] as const) {
  test(`kill -9 of an application with Farebox in it (${step}): nothing stays held, and what was answered was charged, once`, async () => {
    const former = await readCharged();
    const application = await start();
    await askAll(application.port, "/work");
    const held = step === "handled" ? undefined : world.proxy.hold("charge", step);
    let handled = 0;
    const allHandled = new Promise<void>((resolve) => {
      application.child.on("message", () => {
        handled += 1;
        if (handled === CALLS) resolve();
      });
    });
    const asked = askAll(application.port, step === "handled" ? "/slow" : "/work");
    await (held?.reached ?? allHandled);
    await kill(application);
    await asked;
    const charged = (await readCharged()).slice(former.length);
    for (const requestId of answered.slice(-CALLS)) assert.ok(charged.includes(requestId));
    assert.equal(new Set(charged).size, charged.length);
    // One whose charge was committed when it died is paid for, though its answer did not leave: as at the gateway.
    const isCounted = step === "told" ? charged.length > CALLS : charged.length === CALLS;
    assert.ok(isCounted, `${charged.length} charges`);
  });
}

test("another one goes on where it was killed, and the books are in order", async () => {
  const application = await start();
  await askAll(application.port, "/work");
  await kill(application);
  const charged = await readCharged();
  for (const requestId of answered) assert.ok(charged.includes(requestId));
  assertAtRest(await readBooks(world.books.target));
  await auditByCommand(world.books.target);
});
