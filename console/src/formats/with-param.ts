/** The address's parameters with one of them changed; one without a value is left out. */
export function withParam(now: URLSearchParams, name: string, value: string | undefined): URLSearchParams {
  const next = new URLSearchParams(now);
  if (value === undefined || value === "") next.delete(name);
  else next.set(name, value);
  return next;
}
