import { InvalidArgumentError } from "commander";
import { parseDuration } from "../../../domain/duration.ts";

/** A key's caps in one credit type as the operator API takes them; amounts are checked there. */
interface CapOption {
  readonly creditType: string;
  readonly day?: string;
  readonly month?: string;
  readonly total?: string;
}

export type CapOptions = readonly CapOption[];

/** `--scope` and `--address`, which may be repeated. They are checked by the operator API. */
export function readRepeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** `--cap credits:day=100,month=2000`, which may be repeated, also for the same credit type. */
export function readCap(text: string, before: CapOptions = []): CapOptions {
  const [, creditType, windows] = /^([^:]+):(.+)$/.exec(text) ?? [];
  if (creditType === undefined || windows === undefined) refuseCap();
  const others = before.filter((cap) => cap.creditType !== creditType);
  const own = before.find((cap) => cap.creditType === creditType) ?? { creditType };
  return [...others, windows.split(",").reduce(addWindow, own)];
}

/** `--grace`: a duration, or 0 for none at all. */
export function readGrace(text: string): number {
  const seconds = text === "0" ? 0 : parseDuration(text);
  if (seconds === undefined) throw new InvalidArgumentError("Write 0, or a duration like 30m, 24h or 7d.");
  return seconds;
}

function addWindow(cap: CapOption, text: string): CapOption {
  const [, window, amount] = /^(day|month|total)=(.+)$/.exec(text) ?? [];
  if (window === undefined || amount === undefined || window in cap) refuseCap();
  return { ...cap, [window]: amount };
}

function refuseCap(): never {
  throw new InvalidArgumentError(
    "Write the credit type and its caps, each once, like credits:day=100,month=2000,total=50000.",
  );
}
