import type { Credits } from "../domain/credits.ts";
import type { OwnRequest } from "../domain/own-request.ts";
import type { RateLimitState, Refusal } from "../domain/refusal.ts";
import type { ExportWire } from "./exports/export-wire.ts";
import type { KeyPlaces } from "./key/key-places.ts";
import type { RenderContext, RenderedAnswer } from "./rendered-answer.ts";

export type { RenderContext, RenderedAnswer };

/** What the headers of a settled response say. */
export interface SettledFacts {
  readonly creditType: string;
  readonly charged: Credits;
  readonly balance: Credits;
  readonly units: number;
}

/** One pool as a balance endpoint shows it. */
export interface BalanceFacts {
  readonly creditType: string;
  readonly balance: Credits;
  readonly held: Credits;
  /** Everything granted since the last refresh, or all grants with something left: `allocated_credits`. */
  readonly allocated: Credits;
  readonly recurring:
    | {
        readonly amount: Credits;
        readonly every: "day" | "week" | "month" | "year";
        /** Null: nothing is granted any more. */
        readonly nextAt: Date | null;
        readonly rollover: boolean;
      }
    | undefined;
}

interface UsageHeaders {
  /** The request's header that asks for it. */
  readonly asks: string;
  /** The response's header that says why the object is not in the body that it was asked for. */
  readonly omitted: string;
}

/** How everything looks on the wire to the API's customers. Loaded from a YAML file; see contracts/. */
export interface Contract extends KeyPlaces {
  readonly name: string;
  /** Lower-case names of headers that only we may set: stripped from the upstream's responses. */
  readonly ownHeaders: readonly string[];
  renderRefusal(refusal: Refusal, context: RenderContext): RenderedAnswer;
  /** Headers of a response whose charge has been committed (also when 0 was charged on a charged status). */
  renderSettled(facts: SettledFacts): readonly (readonly [string, string])[];
  /** Rate-limit headers of an accepted request. */
  renderRateLimit(state: RateLimitState, context: RenderContext): readonly (readonly [string, string])[];
  /** The usage object to splice: member name and JSON text; undefined when the request did not opt in. */
  renderUsage(
    header: (name: string) => string | undefined,
    facts: SettledFacts,
  ): { readonly member: string; readonly json: string } | undefined;
  /** Whether a request opts in to the usage object (decides whether the body must be buffered). */
  wantsUsage(header: (name: string) => string | undefined): boolean;
  /** Lower-case names about the usage object; undefined when the contract has none. */
  readonly usageHeaders: UsageHeaders | undefined;
  /** The contract's own endpoints (`GET /user/credits`), answered by us, free, with a key. */
  findEndpoint(method: string, path: string): ContractEndpoint | undefined;
  /** How exports look. */
  readonly exports: ExportWire;
}

/** What one of the contract's own endpoints answers. */
export type ContractEndpoint = BalancesEndpoint | UsageEndpoint;

export interface BalancesEndpoint {
  readonly name: "balances";
  render(pools: readonly BalanceFacts[], context: RenderContext): RenderedAnswer;
}

/** What a usage endpoint is asked for. */
export interface UsageQuestion {
  /** Undefined: the configuration's first. */
  readonly creditType: string | undefined;
  readonly from: Date;
  readonly to: Date;
  readonly timeZone: string;
  readonly by: "time" | "endpoint";
  /** Undefined when the report is not divided by time. */
  readonly resolution: "hour" | "day" | "month" | undefined;
  /** The words of the request, for answers that repeat them. */
  readonly asked: {
    readonly from: string;
    readonly to: string;
    readonly by: string;
    readonly resolution: string | undefined;
  };
}

interface UsageSums {
  readonly requests: number;
  readonly units: number;
  readonly credits: Credits;
  /** The part of `credits` that refunds gave back. */
  readonly refunded: Credits;
}

/** A usage report as an endpoint shows it. */
export interface UsageFacts {
  readonly creditType: string;
  readonly total: UsageSums;
  /** In order. A line is about a time or an endpoint. */
  readonly lines: readonly (UsageSums & {
    readonly time: Date | undefined;
    readonly endpoint: string | undefined;
  })[];
}

/** What is wrong with a question, by the part that is; `path` is the field as the request names it. */
export interface UsageProblem {
  readonly part: "period" | "resolution" | "other";
  readonly path: string;
  readonly reason: string;
}

export interface UsageEndpoint {
  readonly name: "usage";
  /** `body` is the parsed JSON; undefined when there is none. */
  readQuestion(request: OwnRequest): UsageQuestion | UsageProblem;
  render(question: UsageQuestion, facts: UsageFacts, context: RenderContext): RenderedAnswer;
  /** The request's name of a part of the question. */
  pathOf(part: "from" | "to" | "timeZone"): string;
  /** The endpoint's own answer to a wrong question; undefined when it has none: then it is a refusal like any other. */
  renderProblem(problem: UsageProblem, context: RenderContext): RenderedAnswer | undefined;
}
