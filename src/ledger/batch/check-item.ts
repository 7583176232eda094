import { type Credits, MAX_CREDITS } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { ChargeItem } from "../ledger.ts";
import type { Work } from "./lane-work.ts";

/** Longer than any id, endpoint or `once` value should be; index rows must stay below a third of a page. */
const MAX_TEXT = 1000;
const MAX_INT = 2 ** 31 - 1;
/** A client's hold blocks credits: a week is more than any job takes. */
const MAX_TTL_SECONDS = 7 * 86_400;
/** How leases are shown among holds; a client's hold must not look like one. */
const LEASE_PREFIX = "lease:";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Checks an item before it is queued, so that a malformed one fails alone and not with the batch that it would be in.
 * Throws FareboxError `ledger_item_invalid`, whose detail names the field.
 */
export function checkWork(work: Work): void {
  const { pool } = work.item;
  checkText("pool.accountId", pool.accountId);
  checkText("pool.creditType", pool.creditType);
  checkInteger("pool.shard", pool.shard, 0, 32_767);
  const capKey = "capKey" in work.item ? work.item.capKey : undefined;
  if (capKey !== undefined) checkText("capKey", capKey);
  switch (work.verb) {
    case "charge":
      checkCharge(work.item);
      break;
    case "lease":
      checkAmount("giveBack", work.item.giveBack);
      checkAmount("need", work.item.need);
      checkAmount("want", work.item.want);
      break;
    case "hold":
      checkHoldId("id", work.item.id);
      checkAmount("amount", work.item.amount);
      checkInteger("ttlSeconds", work.item.ttlSeconds, 1, MAX_TTL_SECONDS);
      break;
    case "release":
      if (work.item.hold !== "lease") checkHoldId("hold.id", work.item.hold.id);
      checkAmount("amount", work.item.amount);
      break;
  }
}

function checkCharge(item: ChargeItem): void {
  if (item.hold !== "lease" && item.hold !== null) checkHoldId("hold.id", item.hold.id);
  checkAmount("amount", item.amount);
  if (item.most !== undefined) checkAmount("most", item.most);
  if (item.whole && item.hold === "lease")
    refuse("hold", "must not be a lease for a charge that is made whole");
  if (!UUID.test(item.requestId)) refuse("requestId", "must be a UUID");
  checkText("keyId", item.keyId);
  checkText("endpoint", item.endpoint);
  checkInteger("units", item.units, 0, MAX_INT);
  checkInteger("status", item.status, 0, 999);
  checkInteger("priceList", item.priceList, 0, MAX_INT);
  if (item.measured?.counter !== undefined) checkText("measured.counter", item.measured.counter.name);
  if (item.measured?.increase !== undefined) {
    checkText("measured.increase.value", item.measured.increase.value);
    checkInteger("measured.increase.withinSeconds", item.measured.increase.withinSeconds, 1, MAX_INT);
  }
  if (item.once !== undefined) {
    checkText("once.value", item.once.value);
    checkInteger("once.withinSeconds", item.once.withinSeconds, 1, MAX_INT);
  }
  if (item.idempotency !== undefined) {
    checkText("idempotency.key", item.idempotency.key);
    checkText("idempotency.owner", item.idempotency.owner);
    checkInteger("idempotency.response.status", item.idempotency.response.status, 100, 599);
  }
}

/** A charge on a hold that never was, or that is so old that nothing is known of it any more. */
export function holdUnknown(item: ChargeItem): FareboxError {
  return new FareboxError("hold_unknown", "There is no such hold, or it was resolved too long ago.", {
    detail: { accountId: item.pool.accountId, creditType: item.pool.creditType, hold: item.hold },
  });
}

function checkHoldId(field: string, id: string): void {
  checkText(field, id);
  if (id.startsWith(LEASE_PREFIX)) refuse(field, `must not start with ${LEASE_PREFIX}`);
}

function checkText(field: string, text: string): void {
  // Postgres's text holds every character but NUL.
  if (text.length === 0 || text.length > MAX_TEXT || text.includes("\0")) {
    refuse(field, `must have 1 to ${MAX_TEXT} characters, none of them NUL`);
  }
}

function checkAmount(field: string, amount: Credits): void {
  if (amount < 0n || amount > MAX_CREDITS) refuse(field, "must be from 0 to a billion credits");
}

function checkInteger(field: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    refuse(field, `must be an integer from ${least} to ${most}`);
  }
}

function refuse(field: string, reason: string): never {
  throw new FareboxError("ledger_item_invalid", `${field} ${reason}.`, { detail: { field, reason } });
}
