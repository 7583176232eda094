import type { StepRecord } from "../../../ledger/sweep/step-records.ts";
import type { Finding } from "./finding.ts";

/** The rarest step comes every hour. */
const STALE_MS = 2 * 3_600_000;

const FIX =
  "The log of the instances says more. Books that contradict each other are named by `farebox audit`.";

/** Says of each step of the work behind the requests when it last succeeded. */
export function judgeSweep(records: readonly StepRecord[], now: Date): readonly Finding[] {
  if (records.length === 0) {
    return [{ check: "sweep", state: "ok", text: "It has not run yet: the first start begins with it." }];
  }
  return records.map((record) => judgeStep(record, now));
}

function judgeStep({ step, succeededAt, failedAt, failure }: StepRecord, now: Date): Finding {
  const check = `sweep: ${step}`;
  const success =
    succeededAt === null ? "It never succeeded." : `It last succeeded ${renderAge(succeededAt, now)}.`;
  if (failedAt !== null && (succeededAt === null || failedAt > succeededAt)) {
    const text = `It failed ${renderAge(failedAt, now)}: ${failure ?? "no reason given"}. ${success}`;
    return { check, state: "fail", text, fix: FIX };
  }
  if (succeededAt === null || now.getTime() - succeededAt.getTime() < STALE_MS) {
    return { check, state: "ok", text: success };
  }
  return {
    check,
    state: "warn",
    text: success,
    fix: "Nothing to do if no instance runs; else look into its log.",
  };
}

function renderAge(at: Date, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - at.getTime()) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min ago`;
  return `at ${at.toISOString()}`;
}
