import assert from "node:assert/strict";
import type { Books, Entry } from "./books.ts";
import type { CallRecord } from "./logging-client.ts";
import type { UpstreamCall } from "./scripted-upstream.ts";

/** How the three logs relate, for a test to see that what it planned happened. */
export interface Comparison {
  /** Successes that a client saw whole. */
  readonly acknowledged: number;
  /** Charges whose client saw nothing of an answer. */
  readonly unseen: number;
  /** Charges that were refunded because their request was answered as failed, or broke. */
  readonly refunded: number;
  readonly refusedForCredits: number;
  /** Requests that reached the upstream and whose clients were told nothing. */
  readonly unanswered: number;
}

/** A charge, and what is left of it after refunds. */
interface Charge {
  readonly entry: Entry;
  readonly net: number;
}

/**
 * Compares what clients were told, what the upstream did and what the books say, with zero tolerance:
 * - no request is charged twice;
 * - who saw a byte of a success is charged exactly what the headers said, and the remaining header is the balance after it;
 * - who saw a failure paid nothing in the end, nor did anyone whose upstream failed or broke;
 * - every charge was worked for by the upstream, and is either known to its client or its client saw no byte;
 * - what was sent once under an Idempotency-Key, or several times, is paid for at most once.
 */
export function compareLogs(
  clientLog: readonly CallRecord[],
  upstreamLog: readonly UpstreamCall[],
  books: Books,
): Comparison {
  const charges = chargesByRequest(books);
  const upstream = new Map(upstreamLog.map((call) => [call.requestId, call]));
  assert.equal(upstream.size, upstreamLog.length, "the upstream saw each request once");
  const told = new Set<string>();
  for (const record of clientLog) {
    if (record.requestId === undefined) continue;
    assert.ok(!told.has(record.requestId), `${record.requestId} answered once`);
    told.add(record.requestId);
    const charge = charges.get(record.requestId);
    if (isCharged(record)) compareSuccess(record, charge, upstream.get(record.requestId));
    else assert.equal(charge?.net ?? 0, 0, `${record.call} was answered ${record.status} and paid`);
  }
  const unseen = compareUntold(charges, told, clientLog, upstream);
  compareKeys(clientLog, charges, upstreamLog);
  return {
    acknowledged: clientLog.filter((record) => isCharged(record) && record.complete).length,
    unseen,
    refunded: [...charges.values()].filter(({ net }) => net === 0).length,
    refusedForCredits: clientLog.filter(({ status }) => status === 402).length,
    unanswered: upstreamLog.filter(({ requestId }) => !told.has(requestId)).length,
  };
}

function chargesByRequest({ entries }: Books): Map<string, Charge> {
  const refunded = new Map<string, number>();
  for (const { accountId, kind, refundOf, amount } of entries) {
    if (kind !== "refund") continue;
    const charge = `${accountId} ${refundOf}`;
    refunded.set(charge, (refunded.get(charge) ?? 0) + amount);
  }
  const charges = new Map<string, Charge>();
  for (const entry of entries) {
    if (entry.kind !== "charge") continue;
    const requestId = entry.requestId ?? "";
    assert.ok(!charges.has(requestId), `request ${requestId} was charged twice`);
    const net = paidBy(entry) - (refunded.get(`${entry.accountId} ${entry.seq}`) ?? 0);
    charges.set(requestId, { entry, net });
  }
  return charges;
}

/** A charge that nothing covered paid 0, which -0 is not the same as. */
function paidBy({ amount }: Entry): number {
  return 0 - amount;
}

/** A success that this very request was charged for. */
function isCharged({ status, replayed }: CallRecord): boolean {
  return status === 200 && !replayed;
}

function compareSuccess(
  record: CallRecord,
  charge: Charge | undefined,
  upstream: UpstreamCall | undefined,
): void {
  const { call } = record;
  assert.ok(charge !== undefined, `${call} was told of a success and is not in the books`);
  assert.equal(charge.entry.accountId, record.accountId, call);
  assert.equal(paidBy(charge.entry), record.charged, `${call}: the charged header and the books`);
  assert.equal(charge.entry.balance, record.remaining, `${call}: the remaining header and the books`);
  assert.equal(upstream?.call, call, `${call}: the upstream did the work`);
  if (upstream.outcome === "broken") {
    assert.ok(!record.complete, `${call} looks whole although the upstream broke`);
    assert.equal(charge.net, 0, `${call} broke and is refunded`);
  } else {
    assert.equal(charge.net, record.charged, `${call} succeeded and stays charged`);
    if (record.complete) assert.ok(record.body.includes(`"${call}"`), `${call} got its own response`);
  }
}

/** Charges that no client has heard of. */
function compareUntold(
  charges: ReadonlyMap<string, Charge>,
  told: ReadonlySet<string>,
  clientLog: readonly CallRecord[],
  upstream: ReadonlyMap<string, UpstreamCall>,
): number {
  const bytesSeen = new Map<string, number>();
  for (const { call, requestId, bytes } of clientLog) {
    if (requestId === undefined) bytesSeen.set(call, (bytesSeen.get(call) ?? 0) + bytes);
  }
  let unseen = 0;
  for (const [requestId, { net }] of charges) {
    const call = upstream.get(requestId);
    assert.ok(call !== undefined, `${requestId} was charged and never reached the upstream`);
    assert.notEqual(call.outcome, "failed", `${call.call} failed and was charged`);
    if (told.has(requestId) || net === 0) continue;
    assert.equal(bytesSeen.get(call.call), 0, `${call.call} was charged, and its client saw no byte`);
    unseen += 1;
  }
  return unseen;
}

function compareKeys(
  clientLog: readonly CallRecord[],
  charges: ReadonlyMap<string, Charge>,
  upstreamLog: readonly UpstreamCall[],
): void {
  const paidCalls = new Map<string, number>();
  for (const { call, requestId } of upstreamLog) {
    if ((charges.get(requestId)?.net ?? 0) > 0) paidCalls.set(call, (paidCalls.get(call) ?? 0) + 1);
  }
  for (const [call, times] of paidCalls) assert.equal(times, 1, `${call} was paid ${times} times`);
  const attempts = new Map<string, number>();
  for (const { call } of clientLog) attempts.set(call, (attempts.get(call) ?? 0) + 1);
  for (const [call, runs] of countCalls(upstreamLog)) {
    assert.ok(runs <= (attempts.get(call) ?? 0), `${call} reached the upstream more often than it was sent`);
  }
}

function countCalls(upstreamLog: readonly UpstreamCall[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { call } of upstreamLog) counts.set(call, (counts.get(call) ?? 0) + 1);
  return counts;
}
