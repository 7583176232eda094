/** `GET` and `/v1/people/{id}` of `GET /v1/people/{id}`. */
export function splitEndpoint(endpoint: string): { readonly method: string; readonly path: string } {
  const space = endpoint.indexOf(" ");
  return space < 0
    ? { method: "", path: endpoint }
    : { method: endpoint.slice(0, space), path: endpoint.slice(space + 1) };
}
