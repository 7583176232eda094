import type { BalanceFacts, BalancesEndpoint, RenderContext } from "../contract.ts";
import type { EndpointTemplate } from "../contract-schema.ts";
import { compileHeaders } from "../header-template.ts";
import { NO_STORE } from "../refusal-answers.ts";
import { compileJson, type ListMembers, type TemplateProblem } from "../template.ts";
import { type PoolFacts, poolVocabulary } from "./pool-vocabulary.ts";

interface AnswerFacts extends PoolFacts {
  readonly pools: readonly BalanceFacts[];
}

/** Compiles an endpoint that shows balances. */
export function compileBalances(
  template: EndpointTemplate,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): BalancesEndpoint {
  const lists: ListMembers<AnswerFacts> = {
    $eachPool: (item, itemPath) => {
      const renderPool = compileJson<PoolFacts>(item, poolVocabulary, problems, itemPath);
      return ({ pools, context }) => `[${pools.map((pool) => renderPool({ pool, context })).join(",")}]`;
    },
  };
  const renderBody = compileJson<AnswerFacts>(
    template.body,
    poolVocabulary,
    problems,
    [...path, "body"],
    lists,
  );
  const renderHeaders = compileHeaders<AnswerFacts>(template.headers, poolVocabulary, problems, [
    ...path,
    "headers",
  ]);
  const pick = (pools: readonly BalanceFacts[]): BalanceFacts | undefined =>
    template.creditType === undefined
      ? pools[0]
      : pools.find((pool) => pool.creditType === template.creditType);
  return {
    name: "balances",
    render(pools: readonly BalanceFacts[], context: RenderContext) {
      const facts: AnswerFacts = { pools, pool: pick(pools), context };
      const headers = [["Content-Type", template.contentType] as const, NO_STORE, ...renderHeaders(facts)];
      return { status: 200, headers, body: renderBody(facts) };
    },
  };
}
