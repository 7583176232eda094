import type { AccountState } from "../account/account-state.ts";
import { grantLists } from "../account/grant-list.ts";
import { needsOf, type PoolFacts, poolVocabulary } from "../account/pool-vocabulary.ts";
import type { BalancesEndpoint } from "../contract.ts";
import { compileHeaders } from "../header-template.ts";
import { compileJson, type ListMembers } from "../json-template.ts";
import { NO_STORE } from "../refusal-answers.ts";
import type { RenderContext } from "../rendered-answer.ts";
import type { TemplateProblem } from "../template.ts";
import type { EndpointTemplate } from "./endpoint-schema.ts";

/** Compiles an endpoint that shows balances. */
export function compileBalances(
  template: EndpointTemplate,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): BalancesEndpoint {
  const grants = grantLists<PoolFacts>(problems);
  const lists: ListMembers<PoolFacts> = {
    ...grants,
    $eachPool: {
      compile(item, itemPath) {
        const renderPool = compileJson<PoolFacts>(item, poolVocabulary, problems, itemPath, grants);
        return (facts) => `[${facts.state.pools.map((pool) => renderPool({ ...facts, pool })).join(",")}]`;
      },
    },
  };
  const place = [...path, "body"];
  const renderBody = compileJson<PoolFacts>(template.body, poolVocabulary, problems, place, lists);
  const renderHeaders = compileHeaders<PoolFacts>(template.headers, poolVocabulary, problems, [
    ...path,
    "headers",
  ]);
  const { creditType } = template;
  return {
    name: "balances",
    needs: needsOf(
      [template.body, template.headers],
      (name) => Object.hasOwn(poolVocabulary, name) || name.includes("."),
    ),
    render(state: AccountState, context: RenderContext) {
      const { pools } = state;
      const pool = creditType === undefined ? pools[0] : pools.find((one) => one.creditType === creditType);
      const facts: PoolFacts = { pool, state, context };
      const headers = [["Content-Type", template.contentType] as const, NO_STORE, ...renderHeaders(facts)];
      return { status: 200, headers, body: renderBody(facts) };
    },
  };
}
