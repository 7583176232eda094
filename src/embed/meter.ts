/** `farebox/meter`: Farebox without a door, for queue workers, servers of gRPC or MCP, and whatever else serves customers. */
import type { z } from "@hono/zod-openapi";
import type { Config } from "../config/config.ts";
import { formatCredits } from "../domain/credits.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import { createHoldParts, endHolds } from "../sidecar/hold-parts.ts";
import { authorize } from "../sidecar/operations/authorize.ts";
import { extend, release } from "../sidecar/operations/release.ts";
import { settle } from "../sidecar/operations/settle.ts";
import { type authorizeAnswer, authorizeInput } from "../sidecar/wire/authorize.ts";
import {
  type extendAnswer,
  extendInput,
  type releaseAnswer,
  releaseInput,
  type settleAnswer,
  settleInput,
} from "../sidecar/wire/settle.ts";
import { checkInput } from "./hold-by-hand.ts";
import { type FareboxOptions, openFarebox } from "./open-farebox.ts";

export type { FareboxOptions } from "./open-farebox.ts";

/** A customer's request: key, method, path, and the headers and the JSON body that prices read. */
export type AuthorizeRequest = z.input<typeof authorizeInput>;
/** `admitted` with a hold (null: it costs nothing), `refused` with the answer to send, or `replay` under an Idempotency-Key. */
export type Authorized = z.output<typeof authorizeAnswer>;
/** A hold, and how its request came out: status, units or cost. */
export type SettleRequest = z.input<typeof settleInput>;
/** `charged`, `free`, `refused` (decided on the answer) or `superseded`. */
export type Settled = z.output<typeof settleAnswer>;
export type ReleaseRequest = z.input<typeof releaseInput>;
export type Released = z.output<typeof releaseAnswer>;
export type ExtendRequest = z.input<typeof extendInput>;
export type Extended = z.output<typeof extendAnswer>;

/** What an account has of one type of credits. Amounts are decimal numbers as text: `"12.5"`. */
export interface MeterBalance {
  readonly creditType: string;
  readonly balance: string;
  /** What of it is set aside: for calls under way, and for a moment for those to come. */
  readonly held: string;
}

/**
 * The meter, with the operations of the sidecar (docs/guide/sidecar.md) and their rules: each has one effect and one answer, however
 * often it is asked. All of them reject with FareboxError `request_invalid`, which names the fields, and with errors that say
 * `retryable`: the same is to be asked again.
 */
export interface OpenMeter {
  /**
   * Decides whether a request may be served, and holds the most that it can cost. With a `ttl` above 900 seconds, or `long`, the hold is in
   * the database, for up to a day. Rejects with `hold_conflict`, `hold_not_long`, `overloaded`.
   */
  authorize(request: AuthorizeRequest): Promise<Authorized>;
  /**
   * Charges; with `part` a part of a long hold, whose rest stays held. Resolves when the charge is committed: send the answer after it.
   * Rejects with `hold_unknown`, `hold_settled`, `hold_released`, `hold_expired`, `part_not_possible`, `hold_elsewhere` (retryable).
   */
  settle(request: SettleRequest): Promise<Settled>;
  /** Ends a hold of a request that failed; what was charged is refunded. Rejects like `settle`. */
  release(request: ReleaseRequest): Promise<Released>;
  /** Holds it for `ttl` seconds from now on. Rejects with `hold_unknown`, `hold_expired`. */
  extend(request: ExtendRequest): Promise<Extended>;
  /** What the account of a key has. Rejects with FareboxError `key_invalid` for a key that does not work. */
  balance(key: string): Promise<readonly MeterBalance[]>;
  /** Waits for holds to be settled, within `gateway.drain` of the configuration, and closes the database. Never rejects. */
  close(): Promise<void>;
}

/**
 * Opens Farebox in this process, without a listener of its own but the operators' (see {@link FareboxOptions.operator}).
 *
 *     const meter = await openMeter("farebox.yaml");
 *     const decision = await meter.authorize({ key, method: "POST", path: "/render" });
 *     if (decision.decision === "admitted" && decision.hold !== null) await meter.settle({ hold: decision.hold, units: 3 });
 *
 * Rejects with FareboxError `config_invalid` and with what keeps the database from being opened.
 */
export async function openMeter(config: Config | string, options: FareboxOptions = {}): Promise<OpenMeter> {
  const { openHolds, meter, closing } = await openFarebox(config, options);
  const parts = createHoldParts(await openHolds());
  closing.add("holds", () => endHolds(parts), "serving");
  return {
    authorize: async (request) => await authorize(parts, checkInput(authorizeInput, request)),
    settle: async (request) => await settle(parts, checkInput(settleInput, request)),
    release: async (request) => await release(parts, checkInput(releaseInput, request)),
    extend: async (request) => await extend(parts, checkInput(extendInput, request)),
    balance: async (key) => {
      const identity = await meter.authenticate(key);
      if ("code" in identity) throw new FareboxError("key_invalid", "The key does not work.");
      const pools = await meter.balances(identity);
      return pools.map(({ creditType, balance, held }) => ({
        creditType,
        balance: formatCredits(balance),
        held: formatCredits(held),
      }));
    },
    close: () => closing.run(),
  };
}
