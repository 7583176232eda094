import type { BrowserAnswer } from "../pages/browser-request.ts";

/** Why pages did not get what they asked for, by the code of its problem body. */
const STATUS = {
  sign_in_refused: 401,
  session_missing: 401,
  request_forged: 403,
  role_not_permitted: 403,
  session_read_only: 403,
  route_not_found: 404,
  method_not_allowed: 405,
  request_invalid: 422,
  sign_in_limited: 429,
} as const;

export type SessionProblem = keyof typeof STATUS;

/** As the operator API answers (RFC 9457), whatever the provider's contract is: pages read the code. */
export function answerProblem(code: SessionProblem, detail: string): BrowserAnswer {
  const status = STATUS[code];
  const body = {
    type: `urn:problem-type:farebox:${code}`,
    title: code.replaceAll("_", " "),
    status,
    code,
    detail,
  };
  return {
    status,
    headers: [
      ["Content-Type", "application/problem+json"],
      ["Cache-Control", "no-store"],
      ...(status === 429 ? [["Retry-After", "60"] as const] : []),
    ],
    body: JSON.stringify(body),
  };
}
