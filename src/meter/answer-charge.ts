import type { ChargeItem, Shortage } from "../ledger/ledger.ts";
import type { AdmissionParts } from "./admission-parts.ts";
import { ChargeUnderWay } from "./charge-under-way.ts";
import { RECALL_PAUSE_MS } from "./lease-desk.ts";
import { RECALL_PATIENCE_MS } from "./lease-line.ts";
import type { AdmitRequest, Settlement } from "./meter.ts";

/**
 * Tries the charge of a price that is decided on the answer, whole or not at all: in one step of the ledger, with its `once` window
 * and its Idempotency-Key. Only where leases keep credits from it, it is tried again while they go back, as a request does that
 * waits for a lease. Rejects like a settlement.
 */
export async function chargeWhole(
  parts: AdmissionParts,
  request: AdmitRequest,
  item: ChargeItem,
): Promise<Settlement | Shortage> {
  let patientUntil: number | undefined;
  for (;;) {
    const tried = await tryCharge(parts, request, item);
    if (!isShortage(tried) || !tried.recalled) return tried;
    const now = parts.clock.now();
    patientUntil ??= now + RECALL_PATIENCE_MS;
    if (now >= patientUntil) return tried;
    // The recall of this instance's own lease would come with its next heartbeat.
    parts.desk.recall([item.pool]);
    await pause(parts, RECALL_PAUSE_MS * (0.5 + parts.random()));
  }
}

export function isShortage(answer: Settlement | Shortage): answer is Shortage {
  return "recalled" in answer;
}

function tryCharge(
  parts: AdmissionParts,
  request: AdmitRequest,
  item: ChargeItem,
): Promise<Settlement | Shortage> {
  // Ended by the charge when its outcome is known, which may be later than its request has been answered.
  parts.open.begin();
  return new Promise((resolve, reject) => {
    new ChargeUnderWay(parts, request, item, undefined, { resolve, reject, short: resolve }).send();
  });
}

function pause({ clock }: AdmissionParts, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
