import type { ContractFile } from "../contract/contract-schema.ts";
import { problemsError } from "../contract/file-problem.ts";
import { readContract } from "../contract/load-contract.ts";
import type { PriceParseOptions } from "../domain/prices/parse/parse-price.ts";
import { parsePrices } from "../domain/prices/parse-prices.ts";
import type { Price } from "../domain/prices/price.ts";
import { requestReadsOf } from "../domain/prices/request-reads.ts";
import { at, type Parsed, type Problem } from "../domain/problem.ts";
import { parseMatchPattern } from "../domain/routes/match-pattern.ts";
import { covers } from "../domain/routes/match-relation.ts";
import { keyOfMatch, refuseBelow } from "./check-config.ts";
import { checkOpenIsFree, checkReadHeaders, refuseInvisible } from "./check-reach.ts";
import type { Config } from "./config.ts";

/** What prices stand beside in a configuration, and may contradict. */
export type PriceSurroundings = Pick<
  Config,
  "creditTypes" | "open" | "customerApi" | "upstreams" | "exports" | "limits" | "plans"
>;

/**
 * What prices contradict outside of their own list. Whichever way a list comes in, it is checked here: prices of a configuration, and
 * those that are published. Undefined contract: it cannot be read, which is told elsewhere.
 */
export function checkPrices(
  prices: readonly Price[],
  around: PriceSurroundings,
  contract: ContractFile | undefined,
  problems: Problem[],
): void {
  checkOpenIsFree(around.open, prices, problems);
  checkSigns(prices, problems);
  checkResultLimits(prices, around, problems);
  checkExported(prices, around, contract, problems);
  for (const [index, { endpoint }] of prices.entries()) {
    const place = at(at("prices", index), "match");
    if (around.customerApi.enabled) refuseBelow(around.customerApi.path, place, endpoint, problems);
  }
  if (contract === undefined) return;
  checkAnswered(contract, prices, problems);
  checkReadHeaders(contract, around.upstreams, prices, problems);
}

/** Reads new prices for an instance with this configuration: with what they contradict in their list, and outside of it. */
export function createPriceParser(
  config: PriceSurroundings & Pick<Config, "contract">,
): (input: unknown, options: Omit<PriceParseOptions, "creditTypes">) => Parsed<readonly Price[]> {
  let contract: ContractFile | undefined;
  return (input, options) => {
    const parsed = parsePrices(input, "prices", { ...options, creditTypes: config.creditTypes });
    if (!parsed.ok) return parsed;
    contract ??= readContractFile(config.contract);
    const problems: Problem[] = [];
    checkPrices(parsed.value, config, contract, problems);
    return problems.length === 0 ? parsed : { ok: false, problems };
  };
}

function readContractFile(nameOrPath: string): ContractFile {
  const read = readContract(nameOrPath);
  if ("file" in read) return read.file;
  throw problemsError("contract_invalid", `The contract ${nameOrPath}`, read.problems);
}

/** A limit of results below what a request may return that does not say how many: it would be told to come later, for ever. */
function checkResultLimits(
  prices: readonly Price[],
  { limits, plans }: Pick<PriceSurroundings, "limits" | "plans">,
  problems: Problem[],
): void {
  for (const [index, price] of prices.entries()) {
    const results = usualResults(price);
    const pattern = parseMatchPattern(price.endpoint, "", []);
    const ofPlans = plans.filter(({ name }) => price.plans?.includes(name)).flatMap((plan) => plan.limits);
    const tooSmall = [...limits, ...ofPlans].find(({ match, requests, counts }) => {
      if (counts !== "results" || requests >= results || pattern === undefined) return false;
      const wide = parseMatchPattern(match, "", []);
      return wide !== undefined && covers(wide, pattern);
    });
    if (tooSmall === undefined) continue;
    problems.push({
      path: at(at("prices", index), "atMost"),
      reason: `a request that does not say how many may return ${results} results, and "${tooSmall.match}" has a limit of ${tooSmall.requests}: it would always be refused`,
      fix: "write a lower atMost or default, or a larger limit",
    });
  }
}

/** What a request may return at most that has none of the fields; 1 where nothing bounds it. */
function usualResults({ free, per, atMost, count }: Price): number {
  if (free || per !== "result") return 1;
  if (count !== undefined && "request" in count) return count.request.default;
  if (atMost === undefined) return 1;
  return (atMost.field ?? atMost.among) === undefined ? atMost.max : atMost.default;
}

/** An invisible sign in a match or in a field's name: no request has it. */
function checkSigns(prices: readonly Price[], problems: Problem[]): void {
  for (const [index, price] of prices.entries()) {
    const place = at("prices", index);
    refuseInvisible(at(place, "match"), price.endpoint, problems);
    const { query = [], body } = requestReadsOf([price]) ?? {};
    for (const name of [...query, ...(body?.pointers ?? [])])
      refuseInvisible(place, name, problems, `remove it from ${JSON.stringify(name)}`);
  }
}

/** What creates an export is charged by its records; where exports are Farebox's own, the contract's endpoints of their files are not forwarded. */
function checkExported(
  prices: readonly Price[],
  { exports: { kinds } }: PriceSurroundings,
  contract: ContractFile | undefined,
  problems: Problem[],
): void {
  if (kinds.length === 0) return;
  const created = new Set(kinds.map(({ endpoint }) => keyOfMatch(endpoint)));
  const { files, file } = contract?.exports ?? {};
  const listed = new Set([files, file].flatMap((own) => (own === undefined ? [] : [keyOfMatch(own.match)])));
  for (const [index, { endpoint }] of prices.entries()) {
    const key = keyOfMatch(endpoint);
    const path = at(at("prices", index), "match");
    if (created.has(key)) {
      const fix = "remove the price: an export's records are charged";
      problems.push({ path, reason: `"${endpoint}" creates exports, which have a price`, fix });
    }
    if (listed.has(key)) {
      const reason = `"${endpoint}" is answered by the contract for the exports of this configuration`;
      const fix = "remove the price, or the routes of exports where the upstream has bulk jobs of its own";
      problems.push({ path, reason, fix });
    }
  }
}

/** What a contract answers itself is free, and a key that it takes out of the query reaches no price. */
function checkAnswered(contract: ContractFile, prices: readonly Price[], problems: Problem[]): void {
  const answered = new Set(contract.endpoints.map(({ match }) => keyOfMatch(match)));
  const keys = new Set(
    contract.key.flatMap((place) => ("query" in place ? [place.query.toLowerCase()] : [])),
  );
  for (const [index, price] of prices.entries()) {
    const path = at("prices", index);
    if (!price.free && answered.has(keyOfMatch(price.endpoint))) {
      problems.push({
        path: at(path, "match"),
        reason: `"${price.endpoint}" is answered by the contract ${contract.name}, free of charge`,
        fix: "remove this price, or write free: true",
      });
    }
    const read = requestReadsOf([price])?.query.find((name) => keys.has(name.toLowerCase()));
    if (read === undefined) continue;
    const reason = `reads the query parameter ${read}, which the contract ${contract.name} takes away as the key`;
    problems.push({ path, reason, fix: "read another field" });
  }
}
