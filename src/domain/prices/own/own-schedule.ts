import type { PriceList } from "../price.ts";
import { listFor } from "./own-prices.ts";

/** What an account pays from a moment on. */
export interface ScheduledPrices {
  readonly effectiveAt: Date;
  /** As the account has it. Its version is that of everybody's list. */
  readonly list: PriceList;
  /** The account's own list in it. */
  readonly ownVersion: number | null;
}

interface Dated {
  readonly effectiveAt: Date;
  readonly list: PriceList;
}

/**
 * What an account has from when on: everybody's lists in the order in which they take effect, the first of which is in force, and those
 * of the account in that order too, each perhaps with an end. The first of the answer is in force; what changes nothing is left out.
 */
export function scheduleFor(
  shared: readonly [Dated, ...Dated[]],
  owned: readonly (Dated & { readonly until: Date | null })[],
  plan: string | undefined,
  now: Date,
): readonly [ScheduledPrices, ...ScheduledPrices[]] {
  const [inForce, ...announced] = shared;
  const at = (moment: Date): ScheduledPrices => {
    const general = announced.findLast(({ effectiveAt }) => effectiveAt <= moment) ?? inForce;
    const own = owned.findLast(
      ({ effectiveAt, until }) => effectiveAt <= moment && (until === null || until > moment),
    );
    return {
      effectiveAt: moment,
      list: listFor(general.list, { plan, own: own?.list }),
      ownVersion: own?.list.version ?? null,
    };
  };
  const moments = [...announced, ...owned]
    .flatMap((dated) => [dated.effectiveAt, "until" in dated ? dated.until : null])
    .filter((moment) => moment instanceof Date)
    .map(Number)
    .filter((moment) => moment > now.getTime());
  const first = at(now);
  const later: ScheduledPrices[] = [];
  for (const moment of [...new Set(moments)].toSorted((one, other) => one - other)) {
    const next = at(new Date(moment));
    const before = later.at(-1) ?? first;
    if (next.list.version !== before.list.version || next.ownVersion !== before.ownVersion) later.push(next);
  }
  const applies =
    owned.find(({ list }) => list.version === first.ownVersion)?.effectiveAt ?? inForce.effectiveAt;
  const since = applies > inForce.effectiveAt ? applies : inForce.effectiveAt;
  return [{ ...first, effectiveAt: since }, ...later];
}
