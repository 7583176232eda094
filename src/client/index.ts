/** `farebox/client`: the operator API from any JavaScript that has `fetch`. */
export { FareboxError } from "../domain/farebox-error.ts";
export { createClient } from "./create-client.ts";
export type { FareboxClient } from "./generated/farebox-client.ts";
export type * from "./generated/types.ts";
export { pages } from "./pages.ts";
export type { OperatorAddress, RequestOptions } from "./transport.ts";
