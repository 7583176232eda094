import type { Queryable } from "../database/database.ts";
import type { LimitAnswer, LimitAsk } from "../ledger.ts";

interface Reply {
  readonly answers: readonly (readonly [granted: number, left: number] | null)[];
  readonly instances: number;
}

/**
 * Says what an instance keeps of request limits, and asks for more of them; see the migration. Safe to repeat: what is kept is said whole.
 * Each subject and rule once. The answers are in the order of the questions.
 */
export async function shareLimits(
  db: Queryable,
  shard: number,
  owner: string,
  asks: readonly LimitAsk[],
): Promise<LimitAnswer> {
  const rows = asks.map(({ subject, rule, limit, seconds, have, want }) => [
    subject,
    rule,
    limit,
    seconds,
    have,
    want,
  ]);
  const [row] = await db.query<{ reply: Reply }>(
    {
      name: "share-limits",
      isUrgent: true,
      text: "SELECT farebox.share_limits($1::smallint, $2, $3::jsonb) AS reply",
    },
    [shard, owner, JSON.stringify(rows)],
  );
  if (row === undefined) throw new Error("share_limits returned nothing");
  const { answers, instances } = row.reply;
  return {
    answers: answers.map((answer) => answer && { granted: answer[0], left: answer[1] }),
    instances: Math.max(1, instances),
  };
}
