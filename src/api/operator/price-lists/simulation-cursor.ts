import { z } from "zod";
import type { ChargePosition } from "../../../ledger/reports/charge-groups.ts";
import { refuseFields } from "../../problem.ts";

/** Shards are two bytes in the books. */
const MAX_SHARD = 32_767;

/** As {@link renderSimulationCursor} writes it: a time that Postgres has too. */
const moment = z.iso.datetime().refine((text) => /^(?:19[7-9]|[2-9]\d\d)\d-/.test(text));

const key = { accountId: z.string().max(64), creditType: z.string().max(64) };

/** The period goes with the position: a part that begins later must not end later too. */
const cursorContent = z.strictObject({
  from: moment,
  to: moment,
  after: z.strictObject(key).optional(),
  within: z
    .strictObject({
      pool: z.strictObject({ ...key, shard: z.int().min(0).max(MAX_SHARD) }),
      seq: z.int().min(1),
    })
    .optional(),
});

export interface SimulationCursor {
  readonly from: Date;
  readonly to: Date;
  readonly position: ChargePosition;
}

/** The text for `next`. It means nothing to callers. */
export function renderSimulationCursor({ from, to, position }: SimulationCursor): string {
  const { after, within } = position;
  const content: z.infer<typeof cursorContent> = {
    from: from.toISOString(),
    to: to.toISOString(),
    ...(after === undefined ? {} : { after: { accountId: after.accountId, creditType: after.creditType } }),
    ...(within === undefined ? {} : { within }),
  };
  return Buffer.from(JSON.stringify(content)).toString("base64url");
}

/** The reverse; refuses the request's `cursor` when it is any other text. */
export function parseSimulationCursor(cursor: string): SimulationCursor {
  const parsed = cursorContent.safeParse(parseJson(Buffer.from(cursor, "base64url").toString("utf8")));
  if (!parsed.success) refuseFields([{ path: "cursor", reason: "is not one that a part gave as its next" }]);
  const { from, to, after, within } = parsed.data;
  return { from: new Date(from), to: new Date(to), position: { after, within } };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
