import { FareboxError } from "../../../src/domain/farebox-error.ts";

interface Described {
  readonly title: string;
  readonly detail: string;
}

const TITLES: Readonly<Record<string, string>> = {
  instance_unreachable: "No answer",
  instance_timeout: "No answer in time",
  storage_unavailable: "Not available right now",
  rate_limited: "Too many requests",
  role_not_permitted: "Your role does not allow this",
  operator_limit_exceeded: "Above what your role may give",
  action_not_permitted: "Not permitted",
  insufficient_credits: "Not enough credits",
};

const DETAILS: Readonly<Record<string, string>> = {
  instance_unreachable:
    "The service did not answer. Your connection may be down, or the service is being restarted.",
  instance_timeout: "The service did not answer in time.",
  storage_unavailable: "The service cannot reach its database.",
  rate_limited: "Wait a minute, then try again.",
};

/** After which a change may be done or not. */
const UNANSWERED: ReadonlySet<string> = new Set(["instance_unreachable", "instance_timeout"]);
const SERVER_FAULT = 500;

/** What an error means to the person who reads the page. Fields that are wrong are named by {@link fieldErrors}. */
export function describeError(error: unknown): Described {
  if (!(error instanceof FareboxError)) {
    return { title: "Something went wrong", detail: error instanceof Error ? error.message : String(error) };
  }
  return {
    title: TITLES[error.code] ?? "That did not work",
    detail: DETAILS[error.code] ?? error.message,
  };
}

/** The same of a change. Where it may have been done all the same, one may try again: it keeps its key until it is known to be done. */
export function describeFailedChange(error: unknown): Described {
  const described = describeError(error);
  if (!isUnanswered(error)) return described;
  return {
    ...described,
    detail: `${described.detail} It may have been done all the same. Try again here: the same once more is done once.`,
  };
}

function isUnanswered(error: unknown): boolean {
  if (!(error instanceof FareboxError)) return false;
  return UNANSWERED.has(error.code) || Number(error.detail["status"]) >= SERVER_FAULT;
}

/** What is wrong with each field of a request, by the field's path. */
export function fieldErrors(error: unknown): ReadonlyMap<string, string> {
  const list = error instanceof FareboxError ? error.detail["errors"] : undefined;
  if (!Array.isArray(list)) return new Map();
  return new Map(list.flatMap((item: unknown) => readFieldError(item)));
}

function readFieldError(item: unknown): [string, string][] {
  if (typeof item !== "object" || item === null || !("path" in item) || !("reason" in item)) return [];
  return [[String(item.path), String(item.reason)]];
}
