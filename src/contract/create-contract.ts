import type { Contract } from "./contract.ts";
import type { ContractFile } from "./contract-schema.ts";
import { compileEndpoints } from "./endpoints/compile-endpoints.ts";
import { compileExports } from "./exports/compile-exports.ts";
import type { ExportsTemplate } from "./exports/export-schema.ts";
import { compileKey } from "./key/compile-key.ts";
import { compileInvalid, compileRefusals, type RefusalDefaults } from "./refusal-answers.ts";
import {
  compileRateLimit,
  compileSettled,
  compileUsage,
  omittedHeader,
  settledNeeds,
} from "./settled-headers.ts";
import type { TemplateProblem } from "./template.ts";

/** Compiles a contract file. Problems of its templates are added to `problems`; the contract is usable when there are none. */
export function createContract(
  file: ContractFile & { readonly exports: ExportsTemplate },
  defaults: RefusalDefaults,
  problems: TemplateProblem[],
): Contract {
  const renderRefusal = compileRefusals(file, defaults, problems);
  const renderRateLimit = compileRateLimit(file.rateLimit, problems);
  const key = compileKey(file.key, problems);
  const ownHeaders = lowerCase([
    ...file.settled.map((header) => header.header),
    ...Object.keys(file.rateLimit?.headers ?? {}),
    ...(file.usage?.header === undefined ? [] : [omittedHeader(file.usage.header)]),
  ]);
  return {
    name: file.name,
    ...key,
    ownHeaders,
    renderRefusal(refusal, context) {
      const answer = renderRefusal(refusal, context);
      if (refusal.code !== "rate_limited" || renderRateLimit === undefined) return answer;
      return { ...answer, headers: [...answer.headers, ...renderRateLimit(refusal, context)] };
    },
    ...compileSettled(file.settled, problems),
    settledNeeds: settledNeeds(file),
    renderRateLimit:
      renderRateLimit !== undefined && file.rateLimit?.on === "always" ? renderRateLimit : () => [],
    ...compileUsage(file.usage, problems),
    findEndpoint: compileEndpoints(file.endpoints, problems, compileInvalid(file, defaults)),
    exports: compileExports(file.exports, problems),
  };
}

function lowerCase(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((name) => name.toLowerCase()))];
}
