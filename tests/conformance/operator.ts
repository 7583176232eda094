import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type CreatedKey, type Entry, type TestAccount, toMicro } from "./account.ts";
import { send } from "./call.ts";

/** The most lines on a page of entries. */
const PAGE = 500;

/** Administers accounts as an operator does: over the operator API's own socket. */
export interface Operator {
  openAccount(grants: Readonly<Record<string, number>>, plan: string | undefined): Promise<TestAccount>;
  /** Publishes a price list, from now on when `effectiveAt` is undefined; its version. */
  publishPrices(prices: unknown, unpriced: unknown, effectiveAt?: Date): Promise<number>;
  /** Every pool of every account that was opened: lines without gaps, each with the balance that the amounts add up to. */
  checkBooks(): Promise<void>;
}

interface Pool {
  readonly creditType: string;
  readonly balance: number;
}

export function createOperator(url: string, token: string): Operator {
  const headers = { authorization: `Bearer ${token}` };
  const get = async <T>(path: string): Promise<T> => {
    const answer = await send(url, path, { headers });
    assert.equal(answer.status, 200, `${path}: ${answer.text}`);
    return answer.json<T>();
  };
  const post = async <T>(path: string, body?: object): Promise<T> => {
    const answer = await send(url, path, {
      method: "POST",
      headers: { ...headers, "idempotency-key": randomUUID() },
      body,
    });
    assert.ok(answer.status === 200 || answer.status === 201, `${path}: ${answer.status} ${answer.text}`);
    return answer.json<T>();
  };

  const listEntries = async (account: string, creditType: string): Promise<readonly Entry[]> => {
    const entries: Entry[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const parameters = new URLSearchParams({ creditType, limit: String(PAGE) });
      if (cursor !== "") parameters.set("cursor", cursor);
      const page: { entries: Entry[]; next: string | null } = await get(
        `/v1/accounts/${account}/entries?${parameters.toString()}`,
      );
      entries.push(...page.entries);
      cursor = page.next;
    }
    return entries.reverse();
  };

  const listPools = async (account: string): Promise<readonly Pool[]> =>
    (await get<{ pools: Pool[] }>(`/v1/accounts/${account}/balances`)).pools;
  const opened: string[] = [];

  return {
    async openAccount(grants, plan) {
      const { id } = await post<{ id: string }>("/v1/accounts", {
        name: "Conformance",
        ...(plan === undefined ? {} : { plan }),
      });
      opened.push(id);
      const addKey = (): Promise<CreatedKey> => post(`/v1/accounts/${id}/keys`, {});
      const grant = async (amount: number, creditType: string): Promise<void> => {
        await post(`/v1/accounts/${id}/grants`, { amount, creditType });
      };
      for (const [creditType, amount] of Object.entries(grants)) await grant(amount, creditType);
      const { key } = await addKey();
      return {
        id,
        key,
        addKey,
        grant,
        changePlan: async (next, how = {}) => {
          const path = `/v1/accounts/${id}/plan${next === undefined ? "/cancel" : ""}`;
          await post(path, { plan: next, ...how });
        },
        revoke: async (keyId) => void (await post(`/v1/keys/${keyId}/revoke`)),
        balance: async (creditType) =>
          (await listPools(id)).find((pool) => pool.creditType === creditType)?.balance ?? 0,
        entries: (creditType) => listEntries(id, creditType),
        latest: async (creditType, limit) =>
          (
            await get<{ entries: Entry[] }>(
              `/v1/accounts/${id}/entries?creditType=${creditType}&limit=${limit}`,
            )
          ).entries,
      };
    },
    async publishPrices(prices, unpriced, effectiveAt) {
      const list = { prices, unpriced, effectiveAt: effectiveAt?.toISOString() };
      return (await post<{ version: number }>("/v1/price-lists", list)).version;
    },
    async checkBooks() {
      for (const account of opened) {
        for (const { creditType, balance } of await listPools(account)) {
          checkPool(await listEntries(account, creditType), balance);
        }
      }
    },
  };
}

function checkPool(entries: readonly Entry[], balance: number): void {
  let sum = 0;
  for (const [index, entry] of entries.entries()) {
    sum += toMicro(entry.amount);
    assert.equal(entry.seq, index + 1);
    assert.equal(toMicro(entry.balance), sum);
    assert.ok(sum >= 0);
  }
  assert.equal(toMicro(balance), sum);
}
