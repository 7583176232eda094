import type { AccountState } from "../contract/account/account-state.ts";
import type { Contract, SettledFacts } from "../contract/contract.ts";
import type { Credits } from "../domain/credits.ts";
import type { Price } from "../domain/prices/price.ts";
import { type DescribedCall, headerReader } from "./described-call.ts";
import type { SeenAnswer, TriedCharge } from "./trial.ts";

/** The account that is made up for a trial: one pool with a grant that never ends, and what this call takes of it. */
interface TriedAccount {
  readonly plan: string | undefined;
  readonly balance: Credits;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

/** What the contract adds to the upstream's answer. `charge` undefined: the price is free. */
export function renderSeen(
  contract: Contract,
  { request, response }: DescribedCall,
  { creditType }: Price,
  charge: TriedCharge | undefined,
  account: TriedAccount,
): SeenAnswer {
  const charged = charge === undefined ? 0n : charge.amount - charge.uncollected;
  const facts = settledFacts(creditType, charged, charge?.units ?? 0, account);
  const headers =
    charge?.isChargedStatus === true ? contract.renderSettled(facts) : contract.renderAnswered(facts);
  const isWhole = response.status >= 200 && response.status <= 299 && response.status !== 206;
  return { headers, usage: isWhole ? readUsage(contract, headerReader(request.headers), facts) : undefined };
}

function settledFacts(
  creditType: string,
  charged: Credits,
  units: number,
  { plan, balance: before, nowMs }: TriedAccount,
): SettledFacts {
  const balance = before - charged;
  const grant = {
    grantId: "grt_example",
    source: "topup",
    amount: before,
    remaining: balance,
    grantedAt: new Date(nowMs),
    expiresAt: null,
  };
  const state: AccountState = {
    at: nowMs,
    pools: [
      {
        creditType,
        balance,
        held: 0n,
        lifetime: charged,
        used: charged,
        grants: balance === 0n ? [] : [grant],
        recurring: undefined,
      },
    ],
    account: { accountId: "acc_example", name: "example", plan: plan ?? null, metadata: {} },
  };
  return { creditType, charged, balance, units, state };
}

/** The text that is spliced into a body is the first member's value, and behind it the others with their names. */
function readUsage(
  contract: Contract,
  header: (name: string) => string | undefined,
  facts: SettledFacts,
): Readonly<Record<string, unknown>> | undefined {
  const [first] = contract.usageMembers(header) ?? [];
  const text = contract.renderUsage(header, facts);
  if (first === undefined || text === undefined) return undefined;
  const members: Record<string, unknown> = JSON.parse(`{${JSON.stringify(first)}:${text}}`);
  return members;
}
