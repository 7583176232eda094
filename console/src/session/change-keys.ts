type Fetch = typeof globalThis.fetch;

const KEY = "idempotency-key";
const REPLAYED = "idempotency-replayed";

/**
 * A `fetch` that gives a change the same Idempotency-Key again until it is known to be done: who clicks once more after an answer was lost
 * asks for the same change, and gets the first one's answer. Other content is another change, and so is the same content once it was done.
 *
 * A refusal leaves the key too: it says nothing of a try before it whose answer was lost, and none is stored under a key. What is kept
 * is gone with the page.
 */
export function keepChangeKeys({
  fetch = (input, init) => globalThis.fetch(input, init),
  onReplay = () => undefined,
}: {
  readonly fetch?: Fetch;
  /** Told of each change, as it is done, whether a click before this one had done it. */
  readonly onReplay?: (wasDone: boolean) => void;
} = {}): Fetch {
  const keys = new Map<string, string>();
  return async (input, init) => {
    const headers = new Headers(init?.headers);
    const made = headers.get(KEY);
    if (made === null) return await fetch(input, init);
    const address = input instanceof Request ? input.url : input.toString();
    const change = JSON.stringify([init?.method, address, init?.body ?? null]);
    const key = keys.get(change) ?? made;
    keys.set(change, key);
    headers.set(KEY, key);
    const response = await fetch(input, { ...init, headers });
    if (!response.ok) return response;
    // An answer that breaks off in its body is lost as well, and so is one of something else between here and the API.
    const text = await response.text();
    JSON.parse(text);
    keys.delete(change);
    onReplay(key !== made && response.headers.get(REPLAYED) === "true");
    return new Response(text, { status: response.status, headers: response.headers });
  };
}
