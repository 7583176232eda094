import { cleanStatusText, type ResponseHead } from "./response-headers.ts";

/** The head of a final response, as it is delivered. */
export interface UpstreamHead extends ResponseHead {
  readonly status: number;
  /** Undefined: the standard words. */
  readonly statusText: string | undefined;
  /** HEAD, 204 and 304: whatever the headers say, no body follows. */
  readonly bodiless: boolean;
}

export function upstreamHead(
  head: ResponseHead,
  status: number,
  statusText: string | undefined,
  method: string,
): UpstreamHead {
  const { headers, length, contentType, contentEncoding, hasCacheControl, countHeader, readHeaders } = head;
  return {
    headers,
    length,
    contentType,
    contentEncoding,
    hasCacheControl,
    countHeader,
    readHeaders,
    status,
    statusText: cleanStatusText(status, statusText),
    bodiless: method === "HEAD" || status === 204 || status === 304,
  };
}
