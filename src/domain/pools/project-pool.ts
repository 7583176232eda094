import { addPeriods } from "./add-periods.ts";

/** A grant with something left. Amounts are micro-credits. */
interface ProjectedGrant {
  readonly remaining: bigint;
  /** Undefined: never. */
  readonly expiresAt: Date | undefined;
}

/** A pool as it is now. */
export interface ProjectedPool {
  /** In the order in which they are spent. */
  readonly grants: readonly ProjectedGrant[];
  readonly recurring:
    | {
        readonly amount: bigint;
        readonly every: "day" | "week" | "month" | "year";
        readonly nextAt: Date | undefined;
        readonly rollover: "none" | "all" | bigint;
      }
    | undefined;
}

export interface Projection {
  /** What remains at the end of each day, from now on. Ends where credits run out. */
  readonly points: readonly { readonly at: Date; readonly amount: bigint }[];
  /** The day on which credits run out at this pace; undefined: not within the projection's days. */
  readonly runsOutAt: Date | undefined;
}

const DAY_MS = 86_400_000;

/** A projection that goes further says nothing. */
export const HORIZON_DAYS = 180;

/**
 * What remains day by day, for {@link HORIZON_DAYS} unless fewer are asked for, if `perDay` is used from now on. Grants are drawn in their order, what is left of them goes when they
 * expire, and the recurring grant comes at its refreshes. Credits have run out at the end of the day that the rest does not cover.
 */
export function projectPool(
  pool: ProjectedPool,
  perDay: bigint,
  now: Date,
  horizonDays = HORIZON_DAYS,
): Projection {
  let grants = pool.grants.map((grant) => ({ ...grant }));
  let nextAt = pool.recurring?.nextAt;
  const points = [{ at: now, amount: sumOf(grants) }];
  for (let day = 1; day <= horizonDays; day += 1) {
    const end = new Date(now.getTime() + day * DAY_MS);
    // What expires or comes within the day was, or is, there for a part of it.
    const wanted = draw(grants, perDay);
    grants = grants.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > end);
    while (pool.recurring !== undefined && nextAt !== undefined && nextAt <= end) {
      const following = addPeriods(nextAt, pool.recurring.every);
      grants = refresh(grants, pool.recurring, following);
      nextAt = following;
    }
    const uncovered = draw(grants, wanted);
    points.push({ at: end, amount: sumOf(grants) });
    if (perDay > 0n && (uncovered > 0n || sumOf(grants) === 0n)) return { points, runsOutAt: end };
  }
  return { points, runsOutAt: undefined };
}

type Recurring = NonNullable<ProjectedPool["recurring"]>;

/** What a refresh does to the books: what does not roll over has expired by then, as its own expiry says. */
function refresh(
  grants: readonly { remaining: bigint; expiresAt: Date | undefined }[],
  { amount, rollover }: Recurring,
  following: Date,
): { remaining: bigint; expiresAt: Date | undefined }[] {
  return [...grants, { remaining: amount, expiresAt: rollover === "none" ? following : undefined }];
}

/** Takes an amount in order; answers what was not there. */
function draw(grants: { remaining: bigint }[], amount: bigint): bigint {
  let wanted = amount;
  for (const grant of grants) {
    const taken = grant.remaining < wanted ? grant.remaining : wanted;
    grant.remaining -= taken;
    wanted -= taken;
  }
  return wanted;
}

function sumOf(grants: readonly { readonly remaining: bigint }[]): bigint {
  let sum = 0n;
  for (const { remaining } of grants) sum += remaining;
  return sum;
}

/** The days of which the pace is the average. */
export const PACE_DAYS = 7;

/** The pace: what was used a day on average over the last `days` rows, today's row, which is not over, left out. */
export function computePace(daily: readonly bigint[], days = PACE_DAYS): bigint {
  const over = daily.slice(0, -1).slice(-days);
  const today = daily.at(-1) ?? 0n;
  let sum = 0n;
  for (const amount of over) sum += amount;
  // An account that began today has nothing else to go by.
  if (over.length === 0 || sum === 0n) return today;
  return sum / BigInt(over.length);
}
