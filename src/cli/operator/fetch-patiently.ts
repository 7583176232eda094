/** The platform's fetch gives an answer up whose head has not come within this time, whatever its signal says. */
export const FETCH_PATIENCE_MS = 300_000;

/** A fetch that ends by its signal only: an audit of a large ledger answers after minutes. */
export const fetchPatiently: typeof globalThis.fetch = async (url, init) => {
  // Loaded when it is needed: most commands are quick, and should start quickly.
  const { Agent, fetch } = await import("undici");
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  // One class under two declarations: the platform's fetch is undici's.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const send = fetch as unknown as (url: unknown, init: object) => Promise<Response>;
  return await send(url, { ...init, dispatcher });
};
