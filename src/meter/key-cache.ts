import { hash } from "node:crypto";
import { AddressRanges } from "../domain/addresses.ts";
import { KeyForms, MAX_KEY_TEXT } from "../domain/keys/key-form.ts";
import { KeyScopes } from "../domain/keys/key-scopes.ts";
import type { PriceList } from "../domain/prices/price.ts";
import type { Refusal } from "../domain/refusal.ts";
import type { KeyRecord, KeyUse, Ledger } from "../ledger/ledger.ts";
import type { Identity } from "./meter.ts";
import type { MeterClock } from "./meter-clock.ts";
import type { PriceListSource } from "./price-lists.ts";
import { RecentMap } from "./recent-map.ts";
import { isRefusal, KEY_INVALID, OVERLOADED, refusalOf } from "./refusals.ts";

/** 100,000 active keys stay cached; an entry is about 300 bytes. */
const MAX_KEYS = 200_000;
/** Of accounts; negotiated ones have a few prices each. A key holds its own, whatever is forgotten here. */
const MAX_PRICE_LISTS = 10_000;
/** Only well-formed keys that do not work are remembered, so a guesser must first solve the checksum. */
const MAX_REFUSED = 10_000;
/** A key that was just created works after this long, even if it was tried before. */
const REFUSED_MS = 1_000;
/** Heartbeats come every 250 ms, or every 2 s while nothing is served. After so long without one a revocation may have been missed (see docs/decisions). */
const KEYS_TRUSTED_MS = 4_000;
/** So long a key that was good before the database fell silent waits for word of it. */
const CONFIRM_MS = 500;
/** At once. The checksum is no secret, so keys can be made up; they must not take the database from those that pay. */
const MAX_LOOKUPS = 1_000;
/** A key that changes while it is read is read again; one that changes all the time is answered as last read. */
const MAX_READS = 3;

/** A key's last use is told to the database this often at most. */
const USE_MS = 60_000;

interface KnownKey {
  readonly identity: Identity;
  /** Monotonic ms. */
  readonly expiresAt: number;
  /** Monotonic ms: when something of it changes that was pending when it was read. */
  readonly changesAt: number;
  /** Monotonic ms: when a use was last noted. */
  notedAt: number;
}

interface Lookup {
  readonly answer: Promise<Identity | Refusal>;
  /** The key changed after the look-up began: what it read may be older than the change. */
  changed: boolean;
}

/**
 * Authenticates keys: unknown, malformed, revoked and expired ones, and those of accounts that are suspended or closed,
 * look alike. Answers synchronously for known keys while heartbeats succeed, and asks the database otherwise; look-ups of
 * the same key are one query.
 */
export class KeyCache {
  readonly #ledger: Pick<Ledger, "findKey">;
  readonly #clock: MeterClock;
  readonly #forms: KeyForms;
  readonly #source: PriceListSource;
  /** Accounts' own price lists by their versions: the keys of an account share one. */
  readonly #priceLists = new RecentMap<PriceList>(MAX_PRICE_LISTS);
  readonly #known = new RecentMap<KnownKey>(MAX_KEYS);
  readonly #refusedUntil = new RecentMap<number>(MAX_REFUSED);
  readonly #lookups = new Map<string, Lookup>();
  /** Keys' ids by the hash of the text that was used, until {@link takeUses}: good keys only. */
  readonly #uses = new Map<string, string>();
  #trustedUntil = 0;
  #doubted = false;
  #wasAsked = false;

  constructor(
    ledger: Pick<Ledger, "findKey">,
    clock: MeterClock,
    priceLists: PriceListSource,
    forms: KeyForms = new KeyForms(),
  ) {
    this.#ledger = ledger;
    this.#source = priceLists;
    this.#forms = forms;
    this.#clock = clock;
  }

  authenticate(presented: string): Promise<Identity | Refusal> | Identity | Refusal {
    this.#wasAsked = true;
    if (presented.length > MAX_KEY_TEXT) return KEY_INVALID;
    const hashHex = hash("sha256", this.#forms.hashedText(presented), "hex");
    const now = this.#clock.now();
    const known = this.#known.get(hashHex);
    if (known !== undefined && now < known.expiresAt) {
      if (now - known.notedAt >= USE_MS) this.#noteUse(hashHex, known, now);
      if (now < this.#trustedUntil && now < known.changesAt) return known.identity;
      return this.#confirm(hashHex, known);
    }
    if (now < this.#trustedUntil) {
      const refusedUntil = this.#refusedUntil.get(hashHex);
      if (refusedUntil !== undefined && now < refusedUntil) return KEY_INVALID;
    }
    // After the cache, because it costs more than a hit; before the query, because garbage must cost none.
    if (!this.#forms.isKnown(presented)) return KEY_INVALID;
    return this.#lookUp(hashHex);
  }

  /**
   * The database has been silent for too long to know of a revocation, or a change that was pending has come. If it does not answer now either, a key that was
   * good before passes as unconfirmed: unpriced routes keep working, and nothing is sold for it.
   */
  async #confirm(hashHex: string, known: KnownKey): Promise<Identity | Refusal> {
    let cancel: (() => void) | undefined;
    const patience = new Promise<undefined>((resolve) => {
      cancel = this.#clock.after(CONFIRM_MS, () => resolve(undefined));
    });
    const answer = await Promise.race([this.#lookUp(hashHex), patience]);
    cancel?.();
    if (answer === undefined) return { ...known.identity, unconfirmed: true };
    if (isRefusal(answer) && answer.code !== "key_invalid") return { ...known.identity, unconfirmed: true };
    return answer;
  }

  /** A heartbeat that was sent then succeeded. After a gap the changes told may be incomplete: everything is read anew. */
  trustFrom(sentAt: number): void {
    if (this.#doubted || sentAt >= this.#trustedUntil) this.#clear();
    this.#doubted = false;
    this.#trustedUntil = sentAt + KEYS_TRUSTED_MS;
  }

  /** A heartbeat failed. What it would have told may have been lost, so the next one that succeeds is no continuation. */
  doubt(): void {
    this.#doubted = true;
  }

  /** Whether a key was presented since the last call. */
  takeWasAsked(): boolean {
    const wasAsked = this.#wasAsked;
    this.#wasAsked = false;
    return wasAsked;
  }

  /** These keys changed (created, revoked, rotated, or their account's state did). */
  invalidate(hashesHex: readonly string[]): void {
    for (const hashHex of hashesHex) {
      this.#known.delete(hashHex);
      this.#refusedUntil.delete(hashHex);
      const lookup = this.#lookups.get(hashHex);
      if (lookup !== undefined) lookup.changed = true;
    }
  }

  /** Uses that the database has not been told of, at most so many; they are forgotten here. */
  takeUses(limit: number): readonly KeyUse[] {
    const taken: KeyUse[] = [];
    for (const [hashHex, keyId] of this.#uses) {
      if (taken.length === limit) break;
      taken.push({ keyId, hashHex });
      this.#uses.delete(hashHex);
    }
    return taken;
  }

  #noteUse(hashHex: string, known: KnownKey, now: number): void {
    known.notedAt = now;
    this.#uses.set(hashHex, known.identity.keyId);
  }

  #clear(): void {
    this.#known.clear();
    this.#refusedUntil.clear();
    for (const lookup of this.#lookups.values()) lookup.changed = true;
  }

  #lookUp(hashHex: string): Promise<Identity | Refusal> | Refusal {
    const running = this.#lookups.get(hashHex);
    if (running !== undefined) return running.answer;
    if (this.#lookups.size >= MAX_LOOKUPS) return OVERLOADED;
    const lookup: Lookup = {
      answer: this.#read(hashHex, () => lookup).finally(() => this.#lookups.delete(hashHex)),
      changed: false,
    };
    this.#lookups.set(hashHex, lookup);
    return lookup.answer;
  }

  async #read(hashHex: string, lookupOf: () => Lookup): Promise<Identity | Refusal> {
    for (let reads = 1; ; reads += 1) {
      const sentAt = this.#clock.now();
      let record: KeyRecord | undefined;
      let own: PriceList | undefined;
      try {
        record = await this.#ledger.findKey(hashHex);
        own = await this.#readPriceList(record?.priceList ?? null);
      } catch (error) {
        return refusalOf(error);
      }
      const lookup = lookupOf();
      if (lookup.changed && reads < MAX_READS) {
        lookup.changed = false;
        continue;
      }
      return lookup.changed ? judge(record, own) : this.#remember(hashHex, record, own, sentAt);
    }
  }

  async #readPriceList(version: number | null): Promise<PriceList | undefined> {
    if (version === null) return undefined;
    const known = this.#priceLists.get(String(version));
    if (known !== undefined) return known;
    const list = await this.#source.readPriceList(version);
    // Of two that read it at once both go on with one: tables are kept by the list.
    const first = this.#priceLists.get(String(version)) ?? list;
    this.#priceLists.set(String(version), first);
    return first;
  }

  #remember(
    hashHex: string,
    record: KeyRecord | undefined,
    own: PriceList | undefined,
    sentAt: number,
  ): Identity | Refusal {
    const answer = judge(record, own);
    if ("code" in answer) {
      this.#refusedUntil.set(hashHex, sentAt + REFUSED_MS);
      return answer;
    }
    // Counted from the sending, a rounding earlier, and another millisecond for PGlite's clock, which has whole ones only and
    // shows up to one less than it is: the key is asked for again no later than the database's clock expires it.
    const momentOf = (inMs: number | null = null): number =>
      inMs === null ? Number.POSITIVE_INFINITY : sentAt + inMs - 2;
    const expiresAt = momentOf(record?.expiresInMs);
    const known: KnownKey = {
      identity: answer,
      expiresAt,
      changesAt: momentOf(record?.changesInMs),
      notedAt: sentAt,
    };
    this.#noteUse(hashHex, known, sentAt);
    this.#known.set(hashHex, known);
    return answer;
  }
}

function judge(record: KeyRecord | undefined, own: PriceList | undefined): Identity | Refusal {
  if (record === undefined || record.state !== "active" || record.accountState !== "active")
    return KEY_INVALID;
  if (record.expiresInMs !== null && record.expiresInMs <= 0) return KEY_INVALID;
  const { accountId, shard, keyId, scopes, addresses, capped, plan, planLimits } = record;
  return {
    accountId,
    shard,
    keyId,
    ...(scopes === null ? {} : { scopes: new KeyScopes(scopes) }),
    ...(addresses === null ? {} : { addresses: new AddressRanges(addresses) }),
    ...(capped.length === 0 ? {} : { capped: new Set(capped) }),
    ...(plan === null ? {} : { plan }),
    ...(own === undefined ? {} : { own }),
    ...(planLimits.length === 0 ? {} : { planLimits }),
  };
}
