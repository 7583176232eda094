/**
 * A process that has the meter open, and does with it what its parent says: `{"call", "verb", "request"}` is answered by
 * `{"call", "answer"}` or `{"call", "code"}`. Its argument is JSON of {@link MeterArguments}.
 */
import { parseConfig } from "../../src/config/load-config.ts";
import { FareboxError } from "../../src/domain/farebox-error.ts";
import { openMeter } from "../../src/embed/meter.ts";
import type { DatabaseTarget } from "../../src/ledger/database/open-database.ts";

export interface MeterArguments {
  readonly database: DatabaseTarget;
  readonly dataDirectory: string;
  readonly yaml: string;
}

export interface MeterCall {
  readonly call: number;
  readonly verb: "authorize" | "settle" | "release";
  readonly request: object;
}

const { yaml, ...options }: MeterArguments = JSON.parse(process.argv[2] ?? "{}");
const meter = await openMeter(parseConfig("farebox.yaml", yaml, {}), options);
process.on("message", ({ call, verb, request }: MeterCall) => {
  const verbs: Record<MeterCall["verb"], (given: never) => Promise<unknown>> = meter;
  // The request is checked by the verb.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  verbs[verb](request as never).then(
    (answer) => process.send?.({ call, answer }),
    (error: unknown) =>
      process.send?.({ call, code: error instanceof FareboxError ? error.code : String(error) }),
  );
});
process.send?.("open");
