/** The moment one period later, in UTC; a month that is too short has its last day. */
export function addPeriods(at: Date, every: "day" | "week" | "month" | "year"): Date {
  const next = new Date(at);
  if (every === "day" || every === "week") {
    next.setUTCDate(next.getUTCDate() + (every === "day" ? 1 : 7));
    return next;
  }
  const day = next.getUTCDate();
  next.setUTCDate(1);
  next.setUTCMonth(next.getUTCMonth() + (every === "month" ? 1 : 12));
  const last = new Date(Date.UTC(next.getUTCFullYear(), next.getUTCMonth() + 1, 0)).getUTCDate();
  next.setUTCDate(Math.min(day, last));
  return next;
}
