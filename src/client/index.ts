/** `farebox/client`: the operator API, and the customer API, from any JavaScript that has `fetch`. */
export { FareboxError } from "../domain/farebox-error.ts";
export { createClient, createCustomerClient } from "./create-client.ts";
export type { CustomerClient } from "./generated/customer-client.ts";
export type * as customer from "./generated/customer-types.ts";
export type { FareboxClient } from "./generated/farebox-client.ts";
export type * from "./generated/types.ts";
export { pages } from "./pages.ts";
export type { ApiAddress, OperatorAddress, RequestOptions } from "./transport.ts";
