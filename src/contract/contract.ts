import type { Credits } from "../domain/credits.ts";
import type { OwnRequest } from "../domain/own-request.ts";
import type { RateLimitState, Refusal } from "../domain/refusal.ts";
import type { AccountState, StateNeeds } from "./account/account-state.ts";
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
  /** What {@link Contract.settledNeeds} asks for, as of this charge. Undefined: nothing, or it could not be read. */
  readonly state?: AccountState | undefined;
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
  /** Headers of an answer of a priced endpoint that was not charged. */
  renderAnswered(facts: SettledFacts): readonly (readonly [string, string])[];
  /** Whether {@link Contract.renderAnswered} has anything to say. */
  readonly tellsAnswered: boolean;
  /** What the settled headers and the usage object show of the account, beside the charge's own facts. */
  readonly settledNeeds: StateNeeds;
  /** Rate-limit headers of an accepted request. */
  renderRateLimit(state: RateLimitState, context: RenderContext): readonly (readonly [string, string])[];
  /**
   * The JSON text to splice: the value of the first member, and behind it the others with their names. Undefined when the request did
   * not ask, or what it says could not be read.
   */
  renderUsage(header: (name: string) => string | undefined, facts: SettledFacts): string | undefined;
  /** The members that the usage object becomes in a response to this request: it must be buffered. Undefined: none. */
  usageMembers(header: (name: string) => string | undefined): readonly string[] | undefined;
  /** Lower-case names about the usage object; undefined when the contract has none, or none that is asked for. */
  readonly usageHeaders: UsageHeaders | undefined;
  /** The contract's own endpoints (`GET /user/credits`), answered by us, free, with a key. */
  findEndpoint(method: string, path: string): FoundEndpoint | undefined;
  /** How exports look. */
  readonly exports: ExportWire;
}

/** The answer to a request without a header that its endpoint needs; undefined: it has all. */
export type CheckRequest = (
  header: (name: string) => string | undefined,
  context: RenderContext,
) => RenderedAnswer | Refusal | undefined;

/** An endpoint, and how a request found it. */
export interface FoundEndpoint {
  /** The endpoint's name. */
  readonly match: string;
  readonly endpoint: ContractEndpoint;
  readonly pathParams: Readonly<Record<string, string>>;
}

/** What one of the contract's own endpoints answers. */
export type ContractEndpoint = (BalancesEndpoint | UsageEndpoint) & {
  /** The answer to a request that lacks a header; undefined: it has all. */
  readonly checkRequest: CheckRequest;
};

export interface BalancesEndpoint {
  readonly name: "balances";
  readonly needs: StateNeeds;
  render(state: AccountState, context: RenderContext): RenderedAnswer;
}

/** What a usage endpoint is asked for. */
export interface UsageQuestion {
  /** Undefined: the configuration's first. */
  readonly creditType: string | undefined;
  readonly from: Date;
  readonly to: Date;
  readonly timeZone: string;
  readonly by: "time" | "endpoint" | "key";
  /** A key's id or name, to which the report is limited; undefined: all. */
  readonly key: string | undefined;
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

/** A key that a line is about. The name and the hint of one that is not found are null. */
export interface KeyFacts {
  readonly keyId: string;
  readonly name: string | null;
  readonly hint: string | null;
}

/** A usage report as an endpoint shows it. */
export interface UsageFacts {
  readonly creditType: string;
  readonly total: UsageSums;
  /** In order. A line is about a time, an endpoint or a key. */
  readonly lines: readonly (UsageSums & {
    readonly time: Date | undefined;
    readonly endpoint: string | undefined;
    readonly key: KeyFacts | undefined;
  })[];
}

/** What is wrong with a question, by the part that is; `path` is the field as the request names it. */
export interface UsageProblem {
  readonly part: "period" | "resolution" | "by" | "timeZone" | "key" | "header";
  readonly fault: "missing" | "invalid" | "order" | "tooLong";
  readonly path: string;
  readonly reason: string;
}

export interface UsageEndpoint {
  readonly name: "usage";
  /** `body` is the parsed JSON; undefined when there is none. `nowMs` is the time, for a period that is not given. */
  readQuestion(request: OwnRequest, nowMs: number): UsageQuestion | UsageProblem;
  render(question: UsageQuestion, facts: UsageFacts, context: RenderContext): RenderedAnswer;
  /** The request's name of a part of the question. */
  pathOf(part: "from" | "to" | "timeZone" | "key"): string;
  /** The endpoint's own answer to a wrong question; undefined when it has none: then it is a refusal like any other. */
  renderProblem(problem: UsageProblem, context: RenderContext): RenderedAnswer | undefined;
}
