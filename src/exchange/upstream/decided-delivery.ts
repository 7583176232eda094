import type { Refusal } from "../../domain/refusal.ts";
import type { Admission, Settlement } from "../../meter/meter.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import { ChargedDelivery } from "./charged-delivery.ts";
import { type Delivery, REJECTED } from "./delivery.ts";
import type { UpstreamCall } from "./upstream-call.ts";

/**
 * A response whose price is decided on it: held back whole, until exactly what it costs is charged. Not covered, or too large to be
 * held back: nothing is charged, and no byte of it is sent, its headers neither.
 */
export class DecidedDelivery extends ChargedDelivery {
  protected override commit(outcome: Parameters<Admission["settle"]>[0]): Promise<Settlement | Refusal> {
    return this.admission.decide(outcome);
  }

  protected override overflow(): Delivery {
    return rejectUnheld(this.call, "is larger than what is held back");
  }
}

/** Why a response cannot be held back, as far as its head tells. */
export function findUnheld(head: UpstreamHead, maxBytes: number): string | undefined {
  if (head.bodiless) return undefined;
  if ((head.length ?? 0) > maxBytes) return "is larger than what is held back";
  // It may go on for ever, and its first event is worth as much as the last.
  if (isEventStream(head)) return "is an event stream, which cannot be held back";
  return undefined;
}

/** Answers in the place of a response that cannot be held back. */
export function rejectUnheld(call: UpstreamCall, problem: string): Delivery {
  call.reject(`the response ${problem} until it is paid`, "not_held_back");
  return REJECTED;
}

export function isEventStream(head: UpstreamHead): boolean {
  return head.contentType?.toLowerCase().startsWith("text/event-stream") === true;
}
