import type { Queryable } from "../database/database.ts";
import type { PublishedPriceList } from "./price-lists.ts";

/** The lists that customers can know of: what they pay, and what they will pay. */
export interface PriceListSchedule {
  readonly inForce: PublishedPriceList | undefined;
  /** In the order in which they take effect. Lists that are overtaken at the same moment never apply and are left out. */
  readonly announced: readonly PublishedPriceList[];
  /** The moment of the database's clock at which it was read. */
  readonly now: Date;
}

/** Announced lists come from people: more than these are not read. */
const MAX_ANNOUNCED = 100;

const SCHEDULE = {
  name: "price-list-schedule",
  text: `SELECT l.version, l.hash, l.body, l.effective_at AS "effectiveAt", l.published_at AS "publishedAt",
      l.cancelled_at AS "cancelledAt", l.account_id AS "accountId", l.announced, c.now
    FROM (SELECT clock_timestamp() AS now) c
    CROSS JOIN LATERAL (
      (SELECT p.*, false AS announced FROM farebox.price_lists p
       WHERE p.cancelled_at IS NULL AND p.effective_at <= c.now
       ORDER BY p.effective_at DESC, p.version DESC LIMIT 1)
      UNION ALL
      (SELECT DISTINCT ON (p.effective_at) p.*, true AS announced FROM farebox.price_lists p
       WHERE p.cancelled_at IS NULL AND p.effective_at > c.now
       ORDER BY p.effective_at, p.version DESC LIMIT $1)
    ) l
    ORDER BY l.announced, l.effective_at`,
};

/** The list in force and all announced ones, at one moment of the database's clock. */
export async function readPriceListSchedule(db: Queryable): Promise<PriceListSchedule> {
  const rows = await db.query<PublishedPriceList & { announced: boolean; now: Date }>(SCHEDULE, [
    MAX_ANNOUNCED,
  ]);
  const lists = rows.map(({ announced, now: _now, ...list }) => ({ announced, list }));
  return {
    inForce: lists.find(({ announced }) => !announced)?.list,
    announced: lists.filter(({ announced }) => announced).map(({ list }) => list),
    // Without a list nothing is asked of it.
    now: rows[0]?.now ?? new Date(),
  };
}
