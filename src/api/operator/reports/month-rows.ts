/** `2026-08` */
export function nameOfMonth(month: Date): string {
  return month.toISOString().slice(0, 7);
}

/** A page at a time is what tables are written from; reports by month are a few hundred lines. */
// oxlint-disable-next-line typescript/require-await
export async function* inOnePage<Row>(rows: readonly Row[]): AsyncGenerator<readonly Row[]> {
  yield rows;
}
