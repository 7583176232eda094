import type { SettledFacts } from "../../contract/contract.ts";
import type { Admission, Settlement } from "../../meter/meter.ts";
import { BodyScan } from "../body/json-splice.ts";
import type { HeaderList } from "../headers/response-headers.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import { completeFacts, tellAnswered } from "../response/account-state.ts";
import { addSettledHeaders } from "../response/settled-response.ts";
import { isKept, toStored } from "../response/stored-response.ts";
import { readFreeFacts } from "../response/usage-object.ts";
import { type BodyQuestions, type BodyReading, type Found, findUnits, mostOf } from "./body-questions.ts";
import type { StreamPlan } from "./stream-delivery.ts";
import type { UpstreamCall } from "./upstream-call.ts";

const REFUND_REASON = "the response broke off after its head was sent";

/** A response that costs nothing. */
export function freePlan(call: UpstreamCall, head: UpstreamHead): StreamPlan {
  const { exchange } = call;
  const { admission, idempotency } = exchange;
  const facts = (): Promise<SettledFacts> => readFreeFacts(exchange, admission?.price?.creditType ?? "", 0);
  const told = tellAnswered(exchange);
  const open = told === undefined ? {} : { open: () => told.then((): HeaderList => []) };
  if (admission === undefined) return { ...open, broke: settled, goesOn: () => false, stopped: settled };
  if (idempotency === undefined || !isKept(head.status)) {
    void admission.cancel();
    return { ...open, facts, broke: settled, goesOn: () => false, stopped: settled };
  }
  // Too large to keep: the key is done, so that a retry does not run the request again.
  return {
    ...open,
    facts,
    async close() {
      await admission.finish(toStored(exchange, head, undefined));
      return "whole";
    },
    broke: () => admission.cancel(),
    goesOn: () => call.detach(),
    stopped: () => admission.cancel(),
  };
}

/** A price that is known at the head: charged before the head is sent, refunded if the rest does not come. */
export function chargedPlan(
  call: UpstreamCall,
  admission: Admission,
  head: UpstreamHead,
  questions: BodyQuestions,
): StreamPlan {
  const { exchange } = call;
  let settlement: Settlement | undefined;
  return {
    async open(): Promise<HeaderList> {
      const found = findUnits(questions, head);
      const stored =
        exchange.idempotency === undefined ? undefined : toStored(exchange, head, undefined, found);
      settlement = await admission.settle({
        status: head.status,
        ...found,
        ...(stored === undefined ? {} : { response: stored }),
      });
      exchange.settlement = settlement;
      const added: HeaderList = [];
      addSettledHeaders(added, exchange, await completeFacts(exchange, settlement), head.hasCacheControl);
      return added;
    },
    facts: () => settlement && completeFacts(exchange, settlement),
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
  questions: BodyQuestions,
  reading: BodyReading,
): StreamPlan {
  const { exchange } = call;
  let settlement: Settlement | undefined;
  const settle = async (found: Found): Promise<void> => {
    const stored =
      exchange.idempotency === undefined ? undefined : toStored(exchange, head, undefined, found);
    settlement = await admission.settle({
      status: head.status,
      ...found,
      ...(stored === undefined ? {} : { response: stored }),
    });
    exchange.settlement = settlement;
  };
  return {
    async close() {
      const found = await findAll(reading, admission, head, questions);
      if (found === "broken") return "broken";
      await settle(found);
      return "whole";
    },
    facts: () => settlement && completeFacts(exchange, settlement),
    broke: () => admission.cancel(),
    goesOn: () => call.detach(),
    // What passed was delivered: it is charged, unless the price says that an abandoned call is free.
    stopped: () =>
      admission.price?.detached === "abandon"
        ? admission.cancel()
        : settle(findSoFar(reading, head, questions)),
  };
}

/** What expands too much to be counted may hold as much as the request could have: it costs the most that was quoted. */
async function findAll(
  reading: BodyReading,
  admission: Admission,
  head: UpstreamHead,
  questions: BodyQuestions,
): Promise<Found | "broken"> {
  if (reading instanceof BodyScan) return findUnits(questions, head, reading.end());
  const read = await reading.end();
  if (read.kind === "broken") return "broken";
  return read.kind === "over" ? mostOf(questions, admission.quote.units) : findUnits(questions, head, read);
}

/** What passed, of a body whose rest is not read. */
function findSoFar(reading: BodyReading, head: UpstreamHead, questions: BodyQuestions): Found {
  return findUnits(questions, head, {
    count: reading.countSoFar,
    isJson: false,
    bytes: reading.bytesSoFar,
  });
}

async function settled(): Promise<void> {
  // Nothing is set aside.
}
