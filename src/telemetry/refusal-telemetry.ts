import { Counter, type Registry } from "prom-client";
import type { Refusal } from "../domain/refusal.ts";

/** Told of each request that was answered with a refusal, by the door that answered it, once. */
export type CountRefusal = (refusal: Refusal) => void;

/** Counts refusals for metrics and for reports: `count` is told the credit type too, where the refusal names one. */
export function createRefusalTelemetry(
  registry: Registry,
  count: (code: Refusal["code"], creditType: string | undefined) => void,
): CountRefusal {
  const refusals = new Counter({
    name: "farebox_refusals_total",
    help: "Requests that were refused.",
    labelNames: ["code"],
    registers: [registry],
  });
  return (refusal) => {
    const { code } = refusal;
    refusals.inc({ code });
    count(code, "creditType" in refusal ? refusal.creditType : undefined);
  };
}
