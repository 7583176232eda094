import assert from "node:assert/strict";
import type { FareboxClient } from "../../src/client/generated/farebox-client.ts";
import type { RequestOptions } from "../../src/client/transport.ts";
import { FareboxError } from "../../src/domain/farebox-error.ts";
import type { Books, Entry } from "../crash/books.ts";
import { COST } from "../crash/farebox-process.ts";
import { raise, type Site, type SoakCustomer } from "./site.ts";

/** Amounts are multiples of this, each of an account another one: an amount tells which request made an entry. */
const STEP = 1 / 64;
/** Between grants of a nearly empty account and its charges. */
const LITTLE = 2;
/** An instance that stands still answers late; the request is sent again, to another one. */
const PATIENCE_MS = 5_000;

interface Asked {
  readonly accountId: string;
  readonly kind: "grant" | "refund" | "adjustment";
  /** As it stands in the books. */
  readonly amount: number;
}

/**
 * Does the operator's work meanwhile: grants, adjustments, refunds, keys revoked and replaced. It asks for each twice at once, of two
 * instances, under one reference, and again until it has an answer.
 */
export class Clerk {
  readonly asked: Asked[] = [];
  readonly revoked: SoakCustomer[] = [];
  readonly #site: Site;
  readonly #refunded = new Set<string>();
  readonly #steps = new Map<string, number>();
  #count = 0;
  #isStopping = false;
  readonly #left = new AbortController();
  readonly #working: Promise<void>;

  constructor(site: Site) {
    this.#site = site;
    this.#working = this.#work();
    // It is waited for in `stop`.
    this.#working.catch(() => undefined);
  }

  /** Ends after what it is at. Fails with what failed. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#working;
  }

  /** Asks nobody any more: for the end of a soak that has failed. */
  leave(): void {
    this.#isStopping = true;
    this.#left.abort();
  }

  async #work(): Promise<void> {
    const { customers } = this.#site;
    const work = [
      (customer: SoakCustomer) => this.#grant(customer),
      () => this.#refund(),
      (customer: SoakCustomer) => this.#adjust(customer),
      (customer: SoakCustomer) => this.#replaceKey(customer),
    ];
    while (!this.#isStopping) {
      const number = this.#count++;
      const customer = customers[(number * 7) % customers.length] ?? raise("a site has customers");
      await work[number % work.length]?.(customer);
    }
  }

  async #grant({ accountId, isNearlyEmpty }: SoakCustomer): Promise<void> {
    const amount = (isNearlyEmpty ? LITTLE : 0) + this.#step(accountId);
    await this.#twice({ accountId, kind: "grant", amount }, (client, reference, options) =>
      client.createGrant({ account: accountId, amount, reference }, options),
    );
  }

  /** Takes of such alone as have enough. */
  async #adjust({ accountId, isNearlyEmpty }: SoakCustomer): Promise<void> {
    const amount = this.#step(accountId) * (isNearlyEmpty || this.#count % 3 === 0 ? 1 : -1);
    await this.#twice({ accountId, kind: "adjustment", amount }, (client, reference, options) =>
      client.createAdjustment({ account: accountId, amount, reference, reason: "soak" }, options),
    );
  }

  /** A part of a charge whose client had all that it paid for. */
  async #refund(): Promise<void> {
    const charge = this.#site.scene.log.findLast(
      ({ status, complete, replayed, requestId = "" }) =>
        status === 200 && complete && !replayed && !this.#refunded.has(requestId),
    );
    if (charge?.requestId === undefined) return;
    const { accountId, requestId } = charge;
    this.#refunded.add(requestId);
    const amount = this.#step(accountId);
    if (amount >= COST) return;
    await this.#twice({ accountId, kind: "refund", amount }, (client, reference, options) =>
      client.createRequestRefund({ account: accountId, requestId, amount, reference }, options),
    );
  }

  async #replaceKey(customer: SoakCustomer): Promise<void> {
    const before = { ...customer };
    const { id, key } = await this.#persist((client, options) =>
      client.createKey({ account: customer.accountId, caps: [...customer.caps] }, options),
    );
    Object.assign(customer, { keyId: id, key });
    await this.#persist((client, options) => client.revokeKey({ key: before.keyId }, options));
    this.revoked.push(before);
  }

  async #twice(
    asked: Asked,
    ask: (
      client: FareboxClient,
      reference: string,
      options: RequestOptions,
    ) => Promise<{ readonly created: boolean }>,
  ): Promise<void> {
    const reference = `soak-${this.#count}`;
    const once = () => this.#persist((client, options) => ask(client, reference, options));
    const answers = await Promise.all([once(), once()]);
    assert.ok(
      answers.filter(({ created }) => created).length <= 1,
      `${reference}: both say that they did it`,
    );
    this.asked.push(asked);
  }

  /** Asks one instance after the other, under one Idempotency-Key, until there is an answer. */
  async #persist<T>(ask: (client: FareboxClient, options: RequestOptions) => Promise<T>): Promise<T> {
    const options = {
      idempotencyKey: crypto.randomUUID(),
      timeoutMs: PATIENCE_MS,
      signal: this.#left.signal,
    };
    for (let attempt = 0; ; attempt += 1) {
      const slot = this.#site.slots[attempt % this.#site.slots.length] ?? raise("a site has slots");
      try {
        return await ask(slot.instance.client, options);
      } catch (error) {
        if (!isPassing(error)) throw error;
      }
    }
  }

  /** The next amount of this account: `STEP`, twice `STEP` and so on. */
  #step(accountId: string): number {
    const step = (this.#steps.get(accountId) ?? 0) + 1;
    this.#steps.set(accountId, step);
    return step * STEP;
  }
}

/** It may be otherwise when it is asked again: nobody there, no database, or the first try is still under way. */
function isPassing(error: unknown): boolean {
  return (
    error instanceof FareboxError &&
    (error.retryable ||
      ["instance_timeout", "instance_unreachable", "idempotency_key_in_use"].includes(error.code))
  );
}

/**
 * What the operator asked for is in the books, each once, and there is nothing else that nobody asked for. Returns the books
 * without these refunds, for a comparison of what clients and the upstream did.
 */
export function compareAsked({ asked }: Clerk, books: Books): Books {
  const left = new Map<string, number>();
  const nameOf = ({ accountId, kind, amount }: Asked | Entry): string => `${accountId} ${kind} ${amount}`;
  for (const one of asked) left.set(nameOf(one), 0);
  const entries = books.entries.filter((entry) => {
    const times = left.get(nameOf(entry));
    if (times !== undefined) left.set(nameOf(entry), times + 1);
    const isOpening = entry.kind === "grant" && entry.seq === 1;
    const isWhole = entry.kind === "refund" && entry.amount === COST;
    assert.ok(
      times !== undefined || isOpening || isWhole || entry.kind === "charge",
      `nobody asked: ${nameOf(entry)}`,
    );
    return times === undefined || entry.kind !== "refund";
  });
  for (const [name, times] of left)
    assert.equal(times, 1, `asked for once, in the books ${times} times: ${name}`);
  return { ...books, entries };
}
