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
    "The service did not answer. Your connection may be down, or the service is being restarted. If you were changing something, look whether it was done before you try again.",
  storage_unavailable:
    "The service cannot reach its database. If you were changing something, look whether it was done before you try again.",
  rate_limited: "Wait a minute, then try again.",
};

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
