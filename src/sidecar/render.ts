import type { RenderContext, RenderedAnswer, SettledFacts } from "../contract/contract.ts";
import type { Refusal } from "../domain/refusal.ts";
import { poolOf } from "../exchange/parts/account-states.ts";
import type { StoredResponse } from "../ledger/ledger.ts";
import type { Identity } from "../meter/meter.ts";
import type { HoldParts } from "./hold-parts.ts";

type Pairs = readonly (readonly [string, string])[];

/** A header as the wire has it. */
export interface Header {
  readonly name: string;
  readonly value: string;
}

export function toHeaders(pairs: Pairs): Header[] {
  return pairs.map(([name, value]) => ({ name, value }));
}

/** A refusal as the contract words it, with what it says of the account on answers that are not charged. */
export async function renderRefusal(
  { contract, states }: HoldParts,
  refusal: Refusal,
  context: RenderContext,
  account: { readonly identity: Identity | undefined; readonly creditType: string | undefined },
): Promise<{ readonly code: string; readonly answer: { status: number; headers: Header[]; body: string } }> {
  const { status, headers, body }: RenderedAnswer = contract.renderRefusal(refusal, context);
  const told = await tellAnswered({ contract, states }, account);
  const { code } = refusal;
  const id = [["X-Request-Id", context.requestId]] as const;
  return { code, answer: { status, headers: toHeaders([...headers, ...told, ...id]), body } };
}

/** What the contract says of an account on every answer of a priced endpoint that is not charged. */
export async function tellAnswered(
  { contract, states }: Pick<HoldParts, "contract" | "states">,
  {
    identity,
    creditType,
  }: { readonly identity: Identity | undefined; readonly creditType: string | undefined },
): Promise<Pairs> {
  if (!contract.tellsAnswered || identity === undefined || creditType === undefined) return [];
  const state = await states.of(identity, true);
  if (state === undefined) return [];
  const balance = poolOf(state, creditType)?.balance ?? 0n;
  return contract.renderAnswered({ creditType, charged: 0n, balance, units: 0, state });
}

/** The facts of a charge, with the state of its account where the contract shows it. */
export function completeFacts(
  { contract, states }: HoldParts,
  identity: Identity,
  facts: SettledFacts,
): SettledFacts | Promise<SettledFacts> {
  const { pools, account } = contract.settledNeeds;
  return pools || account ? states.after(identity, facts) : facts;
}

/** A stored answer with its body in base64. */
export function toKept({ status, headers, body }: StoredResponse & { readonly body: Uint8Array }) {
  return { status, headers: toHeaders(headers), body: Buffer.from(body).toString("base64") };
}
