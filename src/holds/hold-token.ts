import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import type { Credits } from "../domain/credits.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import type { Price, RequestFacts } from "../domain/prices/price.ts";
import { parsePriceList, priceListText } from "../domain/prices/price-list-json.ts";
import { type KeptFacts, restoreFacts } from "./kept-facts.ts";

/** What a hold's token says: enough to settle it when the instance that made it is gone. */
export interface HoldClaims {
  readonly requestId: string;
  readonly instanceId: string;
  /** Unix milliseconds of the database's clock. */
  readonly issuedAt: number;
  readonly accountId: string;
  readonly shard: number;
  readonly keyId: string;
  /** It is held in the database. */
  readonly long?: true | undefined;
  readonly priceList: number;
  /** The price's match, or `unpriced`. */
  readonly endpoint: string;
  /** Undefined: it costs nothing, and was made for its Idempotency-Key. */
  readonly price: Price | undefined;
  readonly facts: RequestFacts;
  readonly max: Credits | undefined;
  /** The number of its charge, where that was made when the request was admitted. Undefined: it is charged when it is settled. */
  readonly chargedSeq: number | undefined;
  /** With the token of the run that has the key. */
  readonly idempotency:
    | { readonly key: string; readonly requestHash: string; readonly owner: string }
    | undefined;
}

/** As it is signed. Amounts are texts. */
interface Signed extends Omit<HoldClaims, "price" | "facts" | "max"> {
  readonly price: string | undefined;
  /** Left out where the charge does not depend on them. */
  readonly facts: KeptFacts | undefined;
  readonly max: string | undefined;
}

const PREFIX = "fbh_";
/** 128 bits: nobody guesses one, and a token stays short. */
const SIGNATURE_BYTES = 16;
const FORM = /^fbh_([\w-]{10,16000})\.([\w-]{22})$/;

/** The texts of prices, which live as long as their list. */
const texts = new WeakMap<Price, string>();

/** The prices of texts, by list and text: a settlement reads a price that thousands before it have read. */
const prices = new Map<string, Price>();
/** They are dropped when there are so many: lists are seldom changed, and rarely have more prices. */
const MOST_PRICES = 10_000;

/** Signs and reads tokens. Every instance of a database has the same secret. */
export class HoldTokens {
  /** Bytes would be made a key anew for each signature, which takes four times as long as the signature. */
  readonly #secret: KeyObject;

  constructor(secret: Uint8Array) {
    this.#secret = createSecretKey(secret);
  }

  sign({ price, max, ...claims }: Omit<HoldClaims, "facts">, facts: KeptFacts | undefined): string {
    const signed: Signed = { ...claims, price: price && textOf(price), facts, max: max?.toString() };
    return this.#seal(signed);
  }

  #seal(signed: Signed): string {
    const payload = Buffer.from(JSON.stringify(signed)).toString("base64url");
    return `${PREFIX}${payload}.${this.#signatureOf(payload).toString("base64url")}`;
  }

  /** The token of a hold that is charged: by this entry, or, when it cost nothing, by none (0). */
  mark(token: string, chargedSeq: number): string {
    return this.#seal({ ...this.#open(token), chargedSeq });
  }

  /** Throws FareboxError `hold_unknown`. */
  read(token: string): HoldClaims {
    return claimsOf(this.#open(token));
  }

  #open(token: string): Signed {
    const [, payload = "", signature = ""] = FORM.exec(token) ?? [];
    const given = Buffer.from(signature, "base64url");
    if (given.length !== SIGNATURE_BYTES || !timingSafeEqual(given, this.#signatureOf(payload))) {
      throw new FareboxError(
        "hold_unknown",
        "There is no such hold: its text is not one that was given out.",
      );
    }
    const signed: Signed = JSON.parse(Buffer.from(payload, "base64url").toString());
    return signed;
  }

  #signatureOf(payload: string): Buffer {
    return createHmac("sha256", this.#secret).update(payload).digest().subarray(0, SIGNATURE_BYTES);
  }
}

function textOf(price: Price): string {
  let text = texts.get(price);
  if (text === undefined) {
    text = priceListText({ prices: [price], unpriced: "free" });
    texts.set(price, text);
  }
  return text;
}

function claimsOf({ price, facts, max, ...claims }: Signed): HoldClaims {
  return {
    ...claims,
    idempotency: claims.idempotency,
    chargedSeq: claims.chargedSeq,
    price: price === undefined ? undefined : priceOf(price, claims.priceList),
    facts: restoreFacts(facts),
    max: max === undefined ? undefined : BigInt(max),
  };
}

function priceOf(text: string, version: number): Price {
  const key = `${version} ${text}`;
  const known = prices.get(key);
  if (known !== undefined) return known;
  const price = parsePrice(text, version);
  if (prices.size >= MOST_PRICES) prices.clear();
  prices.set(key, price);
  return price;
}

function parsePrice(text: string, version: number): Price {
  const parsed = parsePriceList(JSON.parse(text), version);
  const [price] = parsed.ok ? parsed.value.prices : [];
  if (price === undefined) throw new Error(`a hold's price cannot be read: ${text}`);
  return price;
}
