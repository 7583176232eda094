import type { Admission, Settlement } from "../../meter/meter.ts";
import type { BodyScan } from "../body/json-splice.ts";
import type { HeaderList } from "../headers/response-headers.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import { addSettledHeaders } from "../response/settled-response.ts";
import { isKept, toStored } from "../response/stored-response.ts";
import { unitsOfHeader } from "./body-questions.ts";
import type { StreamPlan } from "./stream-delivery.ts";
import type { UpstreamCall } from "./upstream-call.ts";

const REFUND_REASON = "the response broke off after its head was sent";

/** A response that costs nothing. */
export function freePlan(call: UpstreamCall, head: UpstreamHead): StreamPlan {
  const { admission, idempotency } = call.exchange;
  if (admission === undefined) return { broke: settled, goesOn: () => false, stopped: settled };
  if (idempotency === undefined || !isKept(head.status)) {
    void admission.cancel();
    return { broke: settled, goesOn: () => false, stopped: settled };
  }
  // Too large to keep: the key is done, so that a retry does not run the request again.
  return {
    close: () => admission.finish(toStored(call.exchange, head, undefined, undefined)),
    broke: () => admission.cancel(),
    goesOn: () => call.detach(),
    stopped: () => admission.cancel(),
  };
}

/** A price that is known at the head: charged before the head is sent, refunded if the rest does not come. */
export function chargedPlan(call: UpstreamCall, admission: Admission, head: UpstreamHead): StreamPlan {
  const { exchange } = call;
  let settlement: Settlement | undefined;
  return {
    async open(): Promise<HeaderList> {
      const units = unitsOfHeader(head);
      const stored =
        exchange.idempotency === undefined ? undefined : toStored(exchange, head, undefined, units);
      settlement = await admission.settle({
        status: head.status,
        units,
        ...(stored === undefined ? {} : { response: stored }),
      });
      const added: HeaderList = [];
      addSettledHeaders(added, exchange, settlement, head.hasCacheControl);
      return added;
    },
    async broke(): Promise<void> {
      await settlement?.refund(REFUND_REASON);
      exchange.parts.events.refunded({ requestId: exchange.requestId, reason: REFUND_REASON });
    },
    // The charge stands: hanging up is no way not to pay, and nothing more is learnt from the rest.
    goesOn: () => false,
    stopped: settled,
  };
}

/** Results are counted while they pass; the quote stays set aside, and the charge is committed before the last chunk leaves. */
export function countedPlan(
  call: UpstreamCall,
  admission: Admission,
  head: UpstreamHead,
  scan: BodyScan | undefined,
): StreamPlan {
  const { exchange } = call;
  const settle = async (units: number | undefined): Promise<void> => {
    const stored =
      exchange.idempotency === undefined ? undefined : toStored(exchange, head, undefined, units);
    await admission.settle({
      status: head.status,
      units,
      ...(stored === undefined ? {} : { response: stored }),
    });
  };
  return {
    see: (chunk) => scan?.write(chunk),
    close: () => settle(scan?.end().count),
    broke: () => admission.cancel(),
    goesOn: () => call.detach(),
    // What passed was delivered: it is charged, unless the price says that an abandoned call is free.
    stopped: () => (admission.price?.detached === "abandon" ? admission.cancel() : settle(scan?.countSoFar)),
  };
}

async function settled(): Promise<void> {
  // Nothing is set aside.
}
