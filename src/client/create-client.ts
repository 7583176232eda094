import type { FareboxClient } from "./generated/farebox-client.ts";
import { OPERATIONS } from "./generated/operations.ts";
import { callOperation, streamOperation } from "./operation.ts";
import { createTransport, type OperatorAddress, type RequestOptions } from "./transport.ts";

/**
 * A client of a running Farebox's operator API, with one method for each operation. Mutations carry an Idempotency-Key, and
 * what finds no Farebox, or a Farebox without its database, is sent again: once done, whatever is lost on the way.
 *
 * Methods reject with a FareboxError whose `code` is the API's (see docs/reference/errors.md).
 *
 *     const farebox = createClient({ url: "http://127.0.0.1:8401", token });
 *     await farebox.createGrant({ account, amount: 500 });
 */
export function createClient(address: OperatorAddress): FareboxClient {
  const transport = createTransport(address);
  const methods = Object.entries(OPERATIONS).flatMap(([name, operation]) => {
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
  // The table and the interface are made from the same document.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(methods) as FareboxClient;
}
