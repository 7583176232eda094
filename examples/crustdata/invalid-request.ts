/** A request that cannot be answered: a 400 in the vendor's shape. The message is for the caller. */
export class InvalidRequest extends Error {
  override readonly name = "InvalidRequest";
}

/** The body as an object; anything else is an {@link InvalidRequest}. */
export function readObject(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidRequest(`${name} must be an object`);
  }
  return value as Record<string, unknown>;
}

/** Refuses members that the endpoint does not know, so that a misspelt one is not silently ignored. */
export function refuseUnknown(body: Record<string, unknown>, known: readonly string[]): void {
  const unknown = Object.keys(body).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new InvalidRequest(`Unknown parameter: ${unknown}`);
}
