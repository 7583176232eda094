import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, test } from "node:test";
import { assertAtRest, auditByCommand, readBooks } from "../crash/books.ts";
import { compareLogs } from "../crash/compare-logs.ts";
import { COST } from "../crash/farebox-process.ts";
import { LoggingClient } from "../crash/logging-client.ts";
import { Clerk, compareAsked } from "./clerk.ts";
import { canMeet, FAULTS } from "./faults.ts";
import { haunt, planRound } from "./nemesis.ts";
import { Site, type SoakCustomer } from "./site.ts";

/** Far more than a round of faults, and what comes after it, takes on a busy machine. */
const PATIENCE_MS = 300_000;

const { FAREBOX_SOAK_SECONDS = "0", FAREBOX_SOAK_SEED = String(randomInt(2 ** 31)) } = process.env;

describe("the plan of a soak", () => {
  test("a round has every fault once, in pairs that can meet, and the seed decides the order", () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const round = planRound(seed);
      assert.deepEqual(
        round.flatMap((strike) => strike.map(({ fault }) => fault.name)).sort(),
        FAULTS.map(({ name }) => name).sort(),
      );
      for (const [{ fault: one } = {}, { fault: other } = {}] of round) {
        if (one !== undefined && other !== undefined) assert.ok(canMeet(one, other));
      }
      assert.deepEqual(round, planRound(seed));
    }
    assert.notDeepEqual(planRound(1), planRound(2));
  });
});

describe("soak", () => {
  test(`three instances under faults for ${FAREBOX_SOAK_SECONDS} s, seed ${FAREBOX_SOAK_SEED}: clients, upstream and books agree`, {
    timeout: Number(FAREBOX_SOAK_SECONDS) * 1000 + PATIENCE_MS,
  }, async (context) => {
    const startedAt = performance.now();
    const say = (line: string): void =>
      console.log(`soak, ${((performance.now() - startedAt) / 1000).toFixed(0)} s: ${line}`);
    const site = await Site.open(context);
    await site.load.flows(100, 0);
    const clerk = new Clerk(site);
    context.after(() => clerk.leave());
    const seed = Number(FAREBOX_SOAK_SEED);
    const struck = await haunt(site, { seed, seconds: Number(FAREBOX_SOAK_SECONDS), say });
    for (const [name, times] of struck) assert.ok(times > 0, `never came about: ${name}`);
    await clerk.stop();
    await site.load.stop();
    await comeToRest(site, clerk);
    say(`${site.scene.log.length} calls, ${clerk.asked.length} grants, refunds and adjustments compared`);
  });
});

async function comeToRest(site: Site, clerk: Clerk): Promise<void> {
  const { scene, slots, customers } = site;
  const [{ instance } = assert.fail()] = slots;
  for (const { accountId } of customers) await instance.atRest(accountId);
  await assertRevoked(site, clerk);
  for (const customer of customers) if (customer.isNearlyEmpty) await spendAll(site, customer);
  for (const slot of slots) assert.equal((await slot.instance.terminate()).code, 0);
  const books = await readBooks(scene.database);
  const isLimited = ({ isNearlyEmpty, caps }: SoakCustomer): boolean => isNearlyEmpty || caps.length > 0;
  assertAtRest(books, new Set(customers.filter(isLimited).map(({ accountId }) => accountId)));
  const { acknowledged, refusedForCredits } = compareLogs(
    scene.log,
    scene.upstream.log,
    compareAsked(clerk, books),
  );
  const capped = new Set(customers.filter(({ caps }) => caps.length > 0).map(({ accountId }) => accountId));
  assert.ok(
    scene.log.some(({ accountId, status }) => status === 402 && capped.has(accountId)),
    "caps were reached",
  );
  assert.ok(acknowledged > 0 && refusedForCredits > 0, "calls were paid, and accounts ran out of credits");
  for (const kind of ["grant", "refund", "adjustment"]) {
    assert.ok(
      clerk.asked.some((asked) => asked.kind === kind),
      `the operator asked for a ${kind}`,
    );
  }
  await auditByCommand(scene.database);
}

/** Whatever happened meanwhile, no instance takes a key that was revoked. */
async function assertRevoked({ slots, scene }: Site, { revoked }: Clerk): Promise<void> {
  assert.ok(revoked.length > 0, "keys were revoked");
  for (const { instance } of slots) {
    const client = new LoggingClient(scene.log);
    for (const { accountId, keyId, key } of revoked) {
      const { status } = await client.call(instance.gatewayPort, {
        accountId,
        key,
        call: `revoked-${keyId}`,
      });
      assert.equal(status, 401, `${keyId} was revoked`);
    }
    client.leave();
  }
}

/** All that was not charged is there, to the last credit that a call can be paid with. */
async function spendAll(
  { slots, scene }: Site,
  { accountId, key }: { accountId: string; key: string },
): Promise<void> {
  const [{ instance } = assert.fail()] = slots;
  scene.upstream.script = (call) => call.succeed();
  const client = new LoggingClient(scene.log);
  for (let number = 0, status = 200; status === 200; number += 1) {
    ({ status = 0 } = await client.call(instance.gatewayPort, {
      accountId,
      key,
      call: `rest-${accountId}-${number}`,
    }));
    assert.ok(status === 200 || status === 402, `${accountId}: ${status}`);
  }
  client.leave();
  assert.ok((await instance.atRest(accountId)) < COST, `${accountId} has less than a call costs`);
}
