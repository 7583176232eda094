import type { ReactNode } from "react";
import { showChange, showCredits, toCredits } from "./credits.ts";
import { showDate, showDistance, showMoment, TIME_ZONE } from "./times.ts";

/** From so many characters on a figure is set smaller: a billion has 18. */
const LONG = 12;

/** An amount as the answer has it, exact. */
export function Amount({
  of,
  signed = false,
}: {
  readonly of: number;
  readonly signed?: boolean;
}): ReactNode {
  const amount = toCredits(of);
  const text = signed ? showChange(amount) : showCredits(amount);
  return (
    <span className="number" data-long={text.length > LONG || undefined}>
      {text}
    </span>
  );
}

/** A moment in the reader's time zone; its exact time in UTC is in the element, and shown on pointing. */
export function Moment({
  at,
  as = "moment",
}: {
  readonly at: string;
  readonly as?: "moment" | "date" | "distance";
}): ReactNode {
  const show = { moment: showMoment, date: showDate, distance: showDistance }[as];
  return (
    <time dateTime={at} title={`${showMoment(at)} (${TIME_ZONE})`} className="number">
      {show(at)}
    </time>
  );
}
