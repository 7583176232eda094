import type { Credits } from "./credits.ts";

/** One grant as the order of spending sees it. Times are unix milliseconds. */
export interface GrantState {
  readonly grantId: string;
  /** What is left of it, as far as spend has been distributed. */
  readonly remaining: Credits;
  /** Lower numbers are drawn first. */
  readonly priority: number;
  /** From then on it can be drawn. */
  readonly effectiveAt: number;
  /** From then on its rest is gone; null: never. */
  readonly expiresAt: number | null;
  /** Its age: earlier ones are drawn first, then the smaller id. */
  readonly createdAt: number;
}

/** A grant paid the pool's spend from `fromSpent` (exclusive) to `toSpent` (inclusive), both totals since the beginning. */
export interface Draw {
  readonly grantId: string;
  readonly fromSpent: Credits;
  readonly toSpent: Credits;
}

/** The order in which grants are drawn: priority, then earliest expiry (never last), then age. */
export function compareGrants(left: GrantState, right: GrantState): number {
  if (left.priority !== right.priority) return left.priority - right.priority;
  const leftEnd = left.expiresAt ?? Number.POSITIVE_INFINITY;
  const rightEnd = right.expiresAt ?? Number.POSITIVE_INFINITY;
  if (leftEnd !== rightEnd) return leftEnd < rightEnd ? -1 : 1;
  if (left.createdAt !== right.createdAt) return left.createdAt - right.createdAt;
  return left.grantId < right.grantId ? -1 : left.grantId > right.grantId ? 1 : 0;
}

/** The grants that can be drawn at a moment, in order. */
export function drawableGrants(grants: readonly GrantState[], at: number): readonly GrantState[] {
  return grants.filter((grant) => grant.remaining > 0n && grant.effectiveAt <= at).sort(compareGrants);
}

/**
 * Distributes what a pool spent since the last time, the range `(drawn, spent]`, over its grants. Spend beyond the grants
 * cannot exist (the balance never goes below zero): `undrawn` is then above 0, and the books are broken.
 */
export function distributeSpend(
  grants: readonly GrantState[],
  drawn: Credits,
  spent: Credits,
  at: number,
): { readonly grants: readonly GrantState[]; readonly draws: readonly Draw[]; readonly undrawn: Credits } {
  const draws: Draw[] = [];
  const left = new Map<string, Credits>();
  let position = drawn;
  for (const grant of drawableGrants(grants, at)) {
    if (position >= spent) break;
    const part = smaller(grant.remaining, spent - position);
    draws.push({ grantId: grant.grantId, fromSpent: position, toSpent: position + part });
    left.set(grant.grantId, grant.remaining - part);
    position += part;
  }
  return { grants: withRemaining(grants, left), draws, undrawn: spent - position };
}

/** Which part of each grant live holds cover: in the order in which they would be drawn. */
export function attributeHeld(
  grants: readonly GrantState[],
  held: Credits,
  at: number,
): ReadonlyMap<string, Credits> {
  const parts = new Map<string, Credits>();
  let rest = held;
  for (const grant of drawableGrants(grants, at)) {
    const part = smaller(grant.remaining, rest);
    if (part > 0n) parts.set(grant.grantId, part);
    rest -= part;
  }
  return parts;
}

/**
 * Takes the rest of every grant that has expired, except what live holds cover: that part stays due until they resolve.
 * Spend must have been distributed first. `expired` is in the order of expiry, then of drawing.
 */
export function expireGrants(
  grants: readonly GrantState[],
  held: Credits,
  at: number,
): {
  readonly grants: readonly GrantState[];
  readonly expired: readonly { readonly grantId: string; readonly amount: Credits }[];
} {
  const covered = attributeHeld(grants, held, at);
  const left = new Map<string, Credits>();
  const expired: { grantId: string; amount: Credits; expiresAt: number }[] = [];
  for (const grant of [...grants].sort(compareGrants)) {
    if (grant.expiresAt === null || grant.expiresAt > at) continue;
    const kept = covered.get(grant.grantId) ?? 0n;
    const amount = grant.remaining - kept;
    if (amount === 0n) continue;
    left.set(grant.grantId, kept);
    expired.push({ grantId: grant.grantId, amount, expiresAt: grant.expiresAt });
  }
  const inOrder = expired
    .sort((one, other) => one.expiresAt - other.expiresAt)
    .map(({ grantId, amount }) => ({ grantId, amount }));
  return { grants: withRemaining(grants, left), expired: inOrder };
}

/**
 * Which grants a refund goes back to: the ones that its charge drew from, newest drawn first. The charge covers the range
 * `(spent - amount, spent]` of the pool's spend; `refunded` of it went back before, from its end. A part of the range that
 * no draw covers is spend that was not distributed yet: it goes back by lowering that spend (`grantId` null).
 */
export function attributeRefund(
  draws: readonly Draw[],
  charge: { readonly spent: Credits; readonly amount: Credits; readonly refunded: Credits },
  refund: Credits,
): readonly { readonly grantId: string | null; readonly amount: Credits }[] {
  const end = charge.spent - charge.refunded;
  const start = end - smaller(refund, charge.amount - charge.refunded);
  const parts: { grantId: string | null; amount: Credits }[] = [];
  let position = end;
  for (const draw of [...draws].sort((one, other) => (one.toSpent > other.toSpent ? -1 : 1))) {
    if (draw.fromSpent >= position || draw.toSpent <= start) continue;
    if (draw.toSpent < position) parts.push({ grantId: null, amount: position - draw.toSpent });
    const top = smaller(draw.toSpent, position);
    const bottom = larger(draw.fromSpent, start);
    parts.push({ grantId: draw.grantId, amount: top - bottom });
    position = bottom;
  }
  if (position > start) parts.push({ grantId: null, amount: position - start });
  return parts;
}

/**
 * Puts the parts of a refund back into their grants. `homeless` is what belongs to grants that have expired at that
 * moment: it goes to a refund grant of its own, which lives as long as `until`, the pool's longest-lived grant (null: for
 * ever, also when no grant is left to live as long as).
 */
export function returnToGrants(
  grants: readonly GrantState[],
  parts: readonly { readonly grantId: string | null; readonly amount: Credits }[],
  at: number,
): { readonly grants: readonly GrantState[]; readonly homeless: Credits; readonly until: number | null } {
  const byId = new Map(grants.map((grant) => [grant.grantId, grant]));
  const left = new Map<string, Credits>();
  let homeless = 0n;
  for (const { grantId, amount } of parts) {
    if (grantId === null) continue;
    const grant = byId.get(grantId);
    if (grant === undefined || isOver(grant, at)) {
      homeless += amount;
    } else {
      left.set(grantId, (left.get(grantId) ?? grant.remaining) + amount);
    }
  }
  return { grants: withRemaining(grants, left), homeless, until: longestLife(grants, at) };
}

function longestLife(grants: readonly GrantState[], at: number): number | null {
  const ends = grants.filter((grant) => !isOver(grant, at)).map((grant) => grant.expiresAt);
  if (ends.length === 0) return null;
  return ends.reduce((one, other) => (one === null || other === null ? null : Math.max(one, other)));
}

function isOver(grant: GrantState, at: number): boolean {
  return grant.expiresAt !== null && grant.expiresAt <= at;
}

function withRemaining(
  grants: readonly GrantState[],
  left: ReadonlyMap<string, Credits>,
): readonly GrantState[] {
  return grants.map((grant) => ({ ...grant, remaining: left.get(grant.grantId) ?? grant.remaining }));
}

function smaller(left: Credits, right: Credits): Credits {
  return left < right ? left : right;
}

function larger(left: Credits, right: Credits): Credits {
  return left > right ? left : right;
}
