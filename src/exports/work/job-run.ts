import type { Dispatcher } from "undici";
import { FareboxError } from "../../domain/farebox-error.ts";
import {
  beatExport,
  type ClaimedExport,
  type ExportFailure,
  failExport,
  finishExport,
} from "../../ledger/exports/work-on-export.ts";
import { SourceError } from "../source-record.ts";
import { hasIds, openSource } from "../sources/open-source.ts";
import { removeObjects } from "./part-objects.ts";
import { ClaimLost, PartsInHand, type PartTools } from "./parts-in-hand.ts";
import { untilAnswered } from "./until-answered.ts";

/** Without a part in between. A job that ends every worker is given up in the end. */
const MAX_ATTEMPTS = 8;

const FIRST_REST_MS = 2_000;
const LONGEST_REST_MS = 300_000;

/** The longest that a source may ask for. */
const LONGEST_WAIT_MS = 3_600_000;

/** The most that a timer counts. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface JobTools extends PartTools {
  readonly dispatcher: Dispatcher;
}

/** How a claim ended. */
export type JobEnd = "ready" | "charged" | "failed" | "queued" | "lost";

/**
 * Works on a claimed job until it is done, fails, or `stop`. Rejects only when the database stays away: the claim then ends by
 * itself, and the next one goes on behind the last part that was recorded.
 */
export async function runJob(claimed: ClaimedExport, tools: JobTools, stop: AbortSignal): Promise<JobEnd> {
  const { database, kind, events } = tools;
  const { claim, job } = claimed;
  const parts = new PartsInHand(claimed, hasIds(kind), tools);
  const leftMs = kind.limits.seconds * 1_000 - claimed.ageMs;
  const overdue = AbortSignal.timeout(Math.min(Math.max(leftMs, 0), LONGEST_TIMER_MS));
  const beats = new Beats(claimed, tools);
  try {
    if (claimed.attempts > MAX_ATTEMPTS) throw givenUp(claimed.attempts);
    await removeObjects(tools.storage, { ...claim, claim: claim.claim - 1 }, new Set(claimed.objects));
    await writeParts(claimed, parts, tools, AbortSignal.any([stop, beats.lost, overdue]));
    return await untilAnswered(() => finishExport(database, job, claim, parts.leftOut));
  } catch (error) {
    await parts.abandon();
    if (error instanceof ClaimLost || beats.lost.aborted) return "lost";
    const failure = explainEnd(error, claimed, { isStopped: stop.aborted, isOverdue: overdue.aborted });
    if (failure.retryInMs !== undefined && failure.counts) {
      events.jobPostponed(job, error, claimed.attempts + 1);
    }
    return await untilAnswered(() => failExport(database, job, claim, failure));
  } finally {
    beats.stop();
  }
}

async function writeParts(
  claimed: ClaimedExport,
  parts: PartsInHand,
  { kind, dispatcher }: JobTools,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  await parts.readIds();
  if (parts.isFull) return;
  const { request } = claimed.job;
  const source = openSource(kind, { dispatcher, request, has: (id) => parts.has(id) });
  let place = claimed.place ?? "";
  for await (const batch of source(claimed.place, signal)) {
    signal.throwIfAborted();
    await parts.take(batch);
    if (parts.isFull) return;
    place = batch.place(batch.records.length);
  }
  signal.throwIfAborted();
  await parts.closePart(place);
}

interface Interruption {
  readonly isStopped: boolean;
  readonly isOverdue: boolean;
}

function explainEnd(error: unknown, { attempts }: ClaimedExport, how: Interruption): ExportFailure {
  if (how.isOverdue) {
    const message = "The source took longer than an export may take.";
    return { code: "export_timed_out", message, retryInMs: undefined, counts: true };
  }
  if (how.isStopped) return { code: null, message: "", retryInMs: 0, counts: false };
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof SourceError || error instanceof FareboxError ? error.code : "export_failed";
  const isFinal = error instanceof SourceError ? error.isFinal : code === "export_storage_full";
  if (isFinal || attempts >= MAX_ATTEMPTS) return { code, message, retryInMs: undefined, counts: true };
  const own = Math.min(FIRST_REST_MS * 2 ** attempts, LONGEST_REST_MS);
  const waitMs = error instanceof SourceError ? Math.min(error.waitMs ?? 0, LONGEST_WAIT_MS) : 0;
  return { code, message, retryInMs: Math.max(own, waitMs), counts: true };
}

function givenUp(attempts: number): SourceError {
  return new SourceError(
    "export_given_up",
    `${attempts} workers ended while they were at it, without another part.`,
    { isFinal: true },
  );
}

/** Says three times in a claim's time that its worker lives, and learns that the claim is lost. */
class Beats {
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #answeredAt = performance.now();

  constructor({ claim }: ClaimedExport, { database, claimSeconds }: JobTools) {
    const beat = async (): Promise<void> => {
      const beganAt = performance.now();
      try {
        if (await beatExport(database, claim, claimSeconds)) this.#answeredAt = beganAt;
        else this.#lost.abort();
      } catch {
        // Others may take it up from then on.
        if (performance.now() - this.#answeredAt > claimSeconds * 1_000) this.#lost.abort();
      }
    };
    this.#timer = setInterval(() => void beat(), (claimSeconds * 1_000) / 3);
    this.#timer.unref();
    void beat();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
