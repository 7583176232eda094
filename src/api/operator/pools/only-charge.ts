import { FareboxError } from "../../../domain/farebox-error.ts";
import { type ChargeRef, renderChargeId } from "../../../domain/ids.ts";
import type { FoundCall } from "../../../ledger/calls/find-call.ts";

/**
 * A request has one charge, but for a job that was settled in parts: an operator names the one that is meant. `missing` says why there is none.
 * Throws FareboxError `charge_unknown`, `charge_ambiguous`.
 */
export function onlyCharge(requestId: string, { charges, job }: FoundCall, missing: string): ChargeRef {
  const [charge, ...others] = charges;
  if (charge === undefined) throw new FareboxError("charge_unknown", missing, { detail: { requestId } });
  if (others.length === 0) return charge;
  const ids = charges.map(renderChargeId);
  const total = job?.total ?? ids.length;
  const which = total > ids.length ? `the first ${ids.length} of them are ` : "";
  throw new FareboxError(
    "charge_ambiguous",
    `The request ${requestId} has ${total} charges; name the one that is meant: ${which}${ids.join(", ")}.`,
    { detail: { requestId, charges: ids } },
  );
}
