import { type Credits, creditsToJson } from "../../domain/credits.ts";
import type { ChargeRef } from "../../domain/ids.ts";
import { computeQuote, quoteReadsRequest } from "../../domain/prices/compute-quote.ts";
import { ABSENT_BODY } from "../../domain/prices/field-value.ts";
import type { Price, RequestFacts } from "../../domain/prices/price.ts";
import { priceToJson } from "../../domain/prices/price-list-json.ts";
import { findAppliedPrices } from "../../domain/prices/reprice-charge.ts";
import type { Queryable } from "../database/database.ts";
import type { ExportJob } from "../exports/export-job.ts";
import { readExport } from "../exports/read-exports.ts";
import { type KeyName, readKeyNames } from "../keys/key-names.ts";
import { type Entry, readEntry } from "../pools/entries.ts";
import { parsePublishedList, readPriceList } from "../price-lists/price-lists.ts";
import { type ChargeRefund, readChargeRefunds } from "../refunds/charge-refunds.ts";
import { type Growth, hasTiers, readMeasured, type TierUse } from "./measured-charge.ts";

/** One charge of a job. */
export interface ExplainedPart {
  readonly charge: ChargeRef;
  /** The caller's name of it; undefined: the last settlement. */
  readonly part: string | undefined;
  readonly at: Date;
  readonly units: number;
  readonly list: Credits;
  readonly charged: Credits;
  readonly refunded: Credits;
}

/** The charges of a job, of which there may be 10,001. */
export interface ExplainedParts {
  readonly total: number;
  /** The first hundred. */
  readonly first: readonly ExplainedPart[];
}

/** A call and all that the books say of it. */
export interface ExplainedCall {
  readonly charge: ChargeRef;
  readonly entry: Entry;
  readonly key: KeyName | undefined;
  /** The list that priced it, and whether it is the account's own. */
  readonly priceList:
    | { readonly version: number; readonly effectiveAt: Date; readonly own: boolean }
    | undefined;
  /**
   * The price that applied, with its conditions, in the form that configuration has. Entries do not have it: it is told only when no
   * other of the list's could have given the amount.
   */
  readonly price: Readonly<Record<string, unknown>> | undefined;
  /** The prices of which one applied, where the amount does not tell which. */
  readonly candidates: readonly Readonly<Record<string, unknown>>[];
  /** Of a price with tiers: which it went through, and what was used before. Undefined: no tiers decided. */
  readonly tierUse: TierUse | undefined;
  /** Of a number that grows: what was charged of it before. Undefined: nothing grew. */
  readonly growth: Growth | undefined;
  /** What was set aside for it. Undefined: it depended on the request, which is not kept. */
  readonly held: Credits | undefined;
  /** What its price made of it: more than was charged where the pool, or the caller's `Credits-Max`, did not cover it. */
  readonly list: Credits;
  readonly refunds: readonly ChargeRefund[];
  readonly refunded: Credits;
  /** Of a job that was charged in several parts: then amounts are sums of them all, and `charge` is the first. */
  readonly parts: ExplainedParts | undefined;
}

/** Undefined: there is no such charge, or account. */
export async function explainCall(db: Queryable, charge: ChargeRef): Promise<ExplainedCall | undefined> {
  const { accountId, creditType, seq } = charge;
  const [account] = await db.query<{ shard: number }>(
    "SELECT shard FROM farebox.accounts WHERE account_id = $1",
    [accountId],
  );
  if (account === undefined) return undefined;
  const { shard } = account;
  const pool = { accountId, creditType, shard };
  const entry = await readEntry(db, pool, seq);
  if (entry?.kind !== "charge") return undefined;
  const keyIds = entry.keyId === null ? [] : [entry.keyId];
  const [key] = await readKeyNames(db, accountId, keyIds);
  const list = entry.uncollected - entry.amount;
  const { refunds, refunded } = await readChargeRefunds(db, pool, seq);
  const measured = await readMeasured(db, pool, seq, entry.at);
  return {
    charge,
    entry,
    key,
    list,
    refunds,
    refunded,
    parts: undefined,
    ...measured,
    ...(await explainPrice(db, charge, shard, { entry, list, tierUse: measured.tierUse })),
  };
}

type ExplainedPrice = Pick<ExplainedCall, "priceList" | "price" | "candidates" | "held">;

async function explainPrice(
  db: Queryable,
  { creditType }: ChargeRef,
  shard: number,
  { entry, list: amount, tierUse }: Pick<ExplainedCall, "entry" | "list" | "tierUse">,
): Promise<ExplainedPrice> {
  const { priceList: version, endpoint, status, units, requestId } = entry;
  if (version === null || endpoint === null || status === null) return NO_PRICE;
  const published = await readPriceList(db, version);
  const { effectiveAt } = published;
  const found = { priceList: { version, effectiveAt, own: published.accountId !== null } };
  const possible = findAppliedPrices(parsePublishedList(published), {
    endpoint,
    creditType,
    status,
    units: units ?? 0,
    amount,
  });
  const prices = tierUse === undefined ? possible : possible.filter((price) => hasTiers(price, tierUse));
  const [price, ...others] = prices;
  if (price === undefined) {
    const job = requestId === null ? undefined : await readExport(db, shard, requestId);
    return { ...NO_PRICE, ...found, price: job && exportPrice(job) };
  }
  if (others.length > 0) return { ...NO_PRICE, ...found, candidates: prices.map((one) => priceToJson(one)) };
  return { ...found, price: priceToJson(price), candidates: [], held: heldBy(price) };
}

const NO_PRICE: ExplainedPrice = {
  priceList: undefined,
  price: undefined,
  candidates: [],
  held: undefined,
};

/** The price of an export is not in the list: it was decided when the export was created. */
function exportPrice({ endpoint, price, creditType }: ExportJob): Readonly<Record<string, unknown>> {
  return { match: endpoint, cost: creditsToJson(price), credit: creditType, per: "result" };
}

/** What was set aside, where the price alone tells it. */
function heldBy(price: Price): Credits | undefined {
  if (price.decide === "answer") return 0n;
  return quoteReadsRequest(price) ? undefined : computeQuote(price, NO_REQUEST).amount;
}

const NO_REQUEST: RequestFacts = {
  method: "",
  path: "",
  pathParams: {},
  query: new URLSearchParams(),
  header: () => undefined,
  body: ABSENT_BODY,
};
