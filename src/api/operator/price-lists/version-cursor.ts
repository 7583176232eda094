import { refuseFields } from "../../problem.ts";

/** The last version of the page before. */
export function readVersionCursor(cursor: string): number {
  if (/^[1-9]\d{0,8}$/.test(cursor)) return Number(cursor);
  return refuseFields([{ path: "cursor", reason: "is not one that a list gave as its next" }]);
}
