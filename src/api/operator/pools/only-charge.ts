import { FareboxError } from "../../../domain/farebox-error.ts";
import { type ChargeRef, renderChargeId } from "../../../domain/ids.ts";
import type { FoundCharges } from "../../../ledger/refunds/find-charges.ts";

/**
 * A request has one charge, but for a job that was settled in parts: an operator names the one that is meant. `missing` says why there is none.
 * Throws FareboxError `charge_unknown`, `charge_ambiguous`.
 */
export function onlyCharge(requestId: string, { charges }: FoundCharges, missing: string): ChargeRef {
  const [charge, ...others] = charges;
  if (charge === undefined) throw new FareboxError("charge_unknown", missing, { detail: { requestId } });
  if (others.length === 0) return charge;
  const ids = charges.map(renderChargeId);
  throw new FareboxError(
    "charge_ambiguous",
    `The request ${requestId} has ${charges.length} charges; name the one that is meant: ${ids.join(", ")}.`,
    { detail: { requestId, charges: ids } },
  );
}
