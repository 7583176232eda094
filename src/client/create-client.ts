import type { CustomerClient } from "./generated/customer-client.ts";
import { CUSTOMER_OPERATIONS } from "./generated/customer-operations.ts";
import type { FareboxClient } from "./generated/farebox-client.ts";
import { OPERATIONS } from "./generated/operations.ts";
import { callOperation, type Operation, streamOperation } from "./operation.ts";
import { type ApiAddress, createTransport, type RequestOptions } from "./transport.ts";

/**
 * A client of a running Farebox's operator API, with one method for each operation. Mutations carry an Idempotency-Key, and
 * what finds no Farebox, or a Farebox without its database, is sent again: once done, whatever is lost on the way.
 *
 * Methods reject with a FareboxError whose `code` is the API's (see docs/reference/errors.md).
 *
 *     const farebox = createClient({ url: "http://127.0.0.1:8401", token });
 *     await farebox.createGrant({ account, amount: 500 });
 */
export function createClient(address: ApiAddress): FareboxClient {
  // The table and the interface are made from the same document.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return createMethods(address, OPERATIONS) as unknown as FareboxClient;
}

/**
 * The same for the customer API: an account's own balances, usage, statement, prices, exports and keys. The address's `url` has
 * the API's path, and its `token` is a key of the account where keys are bearer tokens.
 *
 *     const account = createCustomerClient({ url: "https://api.example.com/v1/credits", token: key });
 *     const { pools } = await account.getBalances();
 */
export function createCustomerClient(address: ApiAddress): CustomerClient {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return createMethods(address, CUSTOMER_OPERATIONS) as unknown as CustomerClient;
}

function createMethods(address: ApiAddress, operations: Readonly<Record<string, Operation>>): object {
  const transport = createTransport(address);
  const methods = Object.entries(operations).flatMap(([name, operation]) => {
    const call = (input: object = {}, options: RequestOptions = {}): Promise<unknown> =>
      callOperation(transport, operation, { ...input }, options);
    if (operation.csv === undefined) return [[name, call]];
    const stream = (input: object = {}, options: RequestOptions = {}): Promise<ReadableStream<Uint8Array>> =>
      streamOperation(transport, operation, { ...input }, options);
    return [
      [name, call],
      [`${name}Csv`, stream],
    ];
  });
  return Object.fromEntries(methods);
}
