import { FareboxError } from "../../domain/farebox-error.ts";
import { findAccountNo } from "../accounts/account-no.ts";
import { orUnknownAccount } from "../accounts/unknown-account.ts";
import { type LeaseReply, readLease } from "../batch/general-reply.ts";
import { renderMeasured } from "../batch/render-measured.ts";
import type { Parameter, Queryable } from "../database/database.ts";
import { Numbers } from "../instance/numbers.ts";
import { untilCovered } from "../instance/until-covered.ts";
import type { PoolRef } from "../ledger.ts";
import {
  holdIdOf,
  type KnownLongHold,
  type LongReleased,
  type LongSettled,
  type LongSettlement,
  type NewLongHold,
  type OpenedLongHold,
  type SettledPart,
} from "./long-hold.ts";

/** As the functions answer. Amounts are micro-credits, which a JSON number holds exactly. */
interface KnownReply extends Omit<KnownLongHold, "amount"> {
  readonly asked: number;
}

/** With `recalled` it is asked again: instances lease what is missing. */
interface Short {
  readonly outcome: "short";
  readonly shortage: LeaseReply;
  readonly recalled?: boolean;
}

type OpenReply =
  | { readonly outcome: "held"; readonly leftMs: number }
  | { readonly outcome: "found"; readonly hold: KnownReply }
  | Short;

type SettleReply =
  | {
      readonly outcome: "told";
      readonly kind: SettledPart["kind"];
      readonly seq: number | null;
      readonly charged: number;
      readonly uncollected: number;
      readonly balance: number;
      readonly units: number;
      readonly again?: true;
    }
  | { readonly outcome: Exclude<LongSettled["kind"], "told" | "short"> }
  | Short;

type ReleaseReply =
  | { readonly outcome: "released"; readonly freed: number }
  | { readonly outcome: "unknown" }
  | { readonly outcome: "settled"; readonly seq: number | null };

/**
 * Long holds, as instances make and settle them. Each call is one transaction that may be repeated: whoever does not know what came of it
 * asks the same again, at any instance. All reject like the database, and with FareboxError `account_unknown`.
 */
export class LongHoldRows {
  readonly #database: Queryable;
  readonly #numbers = new Numbers();

  constructor(database: Queryable) {
    this.#database = database;
  }

  /** What an account holds already under its caller's id. */
  async find(
    account: Pick<PoolRef, "accountId" | "shard">,
    callerId: string,
  ): Promise<KnownLongHold | undefined> {
    const accountNo = await findAccountNo(this.#database, account);
    if (accountNo === undefined) return undefined;
    const found = await this.#ask<KnownReply | null>(
      account.accountId,
      "SELECT farebox.find_long_hold($1::smallint, $2, $3) AS reply",
      [account.shard, accountNo, callerId],
    );
    return found === null ? undefined : renderKnown(found);
  }

  /** Credits that instances lease are asked back and waited for. Rejects with FareboxError `key_unknown` too. */
  async open({ pool, callerId, content, requestId, token, ...hold }: NewLongHold): Promise<OpenedLongHold> {
    const { accountNo, typeNo, keyNo } = await this.#number(pool, hold.keyId, [hold.endpoint]);
    const asked = renderJson({
      callerId,
      content,
      requestId,
      token,
      key: keyNo,
      endpoint: this.#numbers.endpointOf(hold.endpoint),
      amount: hold.amount,
      units: hold.units,
      most: hold.most,
      seconds: hold.ttlSeconds,
    });
    const reply = await untilCovered(async () =>
      withRecalls(
        await this.#ask<OpenReply>(
          pool.accountId,
          "SELECT farebox.open_long_hold($1::smallint, $2, $3::smallint, $4::jsonb) AS reply",
          [pool.shard, accountNo, typeNo, asked],
        ),
      ),
    );
    if (reply.outcome === "found") return { kind: "found", hold: renderKnown(reply.hold) };
    if (reply.outcome === "held") return { kind: "held", leftMs: reply.leftMs };
    return { kind: "short", shortage: readLease(reply.shortage) };
  }

  /** Charges it once, however often and by whomever it is asked. */
  async settle({ pool, requestId, part = "", content, ...settlement }: LongSettlement): Promise<LongSettled> {
    const special = await this.#renderSpecial(pool, requestId, settlement);
    const reply = await untilCovered(async () =>
      withRecalls(
        await this.#ask<SettleReply>(
          pool.accountId,
          "SELECT farebox.settle_long_hold($1::smallint, $2, $3::smallint, $4, $5, $6, $7::jsonb) AS reply",
          [
            pool.shard,
            special.accountNo,
            special.typeNo,
            holdIdOf(requestId),
            part,
            Buffer.from(content, "hex"),
            special.json,
          ],
        ),
      ),
    );
    if (reply.outcome === "short") return { kind: "short", shortage: readLease(reply.shortage) };
    if (reply.outcome !== "told") return { kind: reply.outcome };
    const { kind, seq, charged, uncollected, balance, units, again = false } = reply;
    const amounts = {
      charged: BigInt(charged),
      uncollected: BigInt(uncollected),
      balance: BigInt(balance),
    };
    return { kind: "told", settled: { kind, seq, units, isAgain: again, ...amounts } };
  }

  /** What it holds is free. What its parts were charged stays charged. */
  async release(pool: PoolRef, requestId: string): Promise<LongReleased> {
    const { accountNo, typeNo } = await this.#number(pool, undefined, []);
    const reply = await this.#ask<ReleaseReply>(
      pool.accountId,
      "SELECT farebox.release_long_hold($1::smallint, $2, $3::smallint, $4) AS reply",
      [pool.shard, accountNo, typeNo, holdIdOf(requestId)],
    );
    if (reply.outcome === "settled") return { kind: "settled", seq: reply.seq };
    return reply.outcome === "released"
      ? { kind: "released", freed: BigInt(reply.freed) }
      : { kind: "unknown" };
  }

  /** It lives for so long from now on. `over`: it has ended or expired. */
  async extend(
    pool: PoolRef,
    requestId: string,
    ttlSeconds: number,
  ): Promise<"extended" | "over" | "unknown"> {
    const { accountNo, typeNo } = await this.#number(pool, undefined, []);
    return await this.#ask(
      pool.accountId,
      "SELECT farebox.extend_long_hold($1::smallint, $2, $3::smallint, $4, $5) AS reply",
      [pool.shard, accountNo, typeNo, holdIdOf(requestId), ttlSeconds],
    );
  }

  async #renderSpecial(
    pool: PoolRef,
    requestId: string,
    { charge, isWhole }: Pick<LongSettlement, "charge" | "isWhole">,
  ): Promise<{ readonly accountNo: number; readonly typeNo: number; readonly json: string }> {
    const alone = isWhole ? { alone: true } : {};
    if (charge === undefined) {
      const { accountNo, typeNo } = await this.#number(pool, undefined, []);
      return { accountNo, typeNo, json: renderJson({ free: true }) };
    }
    const { keyId, endpoint, amount, units, status, priceList, measured, once, whole } = charge;
    const counter = measured?.counter?.name;
    const { accountNo, typeNo, keyNo } = await this.#number(pool, keyId, [endpoint, counter]);
    const endpointNo = this.#numbers.endpointOf(endpoint);
    const json = renderJson({
      ...alone,
      charge: [keyNo, endpointNo, amount, units, status, priceList, requestId],
      ...(measured && { measured: renderMeasured(measured, this.#numbers) }),
      ...(once && { once: [once.value, once.withinSeconds] }),
      ...(whole && amount > 0n && { whole: true }),
    });
    return { accountNo, typeNo, json };
  }

  async #number(
    pool: PoolRef,
    keyId: string | undefined,
    endpoints: readonly [endpoint?: string, counter?: string | undefined],
  ): Promise<{ readonly accountNo: number; readonly typeNo: number; readonly keyNo: number | undefined }> {
    const [endpoint, counter] = endpoints;
    await this.#numbers.learn(this.#database, [{ ...pool, keyId, endpoint, counter }]);
    const keyNo = keyId === undefined ? undefined : this.#numbers.keyOf(keyId);
    if (keyId !== undefined && keyNo === undefined) {
      throw new FareboxError("key_unknown", `There is no key ${keyId}.`, { detail: { keyId } });
    }
    return { ...this.#numbers.poolOf(pool), keyNo };
  }

  async #ask<R>(accountId: string, text: string, params: readonly Parameter[]): Promise<R> {
    const [row] = await orUnknownAccount(accountId, () =>
      this.#database.query<{ reply: R }>({ name: nameOf(text), text }, params),
    );
    if (row === undefined) throw new Error("a function of long holds returned nothing");
    return row.reply;
  }
}

/** `SELECT farebox.open_long_hold(…` is prepared as `open_long_hold`. */
function nameOf(text: string): string {
  return /farebox\.(\w+)/.exec(text)?.[1] ?? text;
}

function withRecalls<R extends { readonly outcome: string }>(reply: R | Short): R | Short {
  return "shortage" in reply ? { ...reply, recalled: reply.shortage[7] } : reply;
}

/** Amounts are texts. */
function renderJson(value: object): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === "bigint" ? member.toString() : member,
  );
}

function renderKnown({ asked, ...known }: KnownReply): KnownLongHold {
  return { ...known, amount: BigInt(asked) };
}
