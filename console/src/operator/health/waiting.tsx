import type { ReactNode } from "react";
import type { Health } from "../../../../src/client/generated/types.ts";
import { Card, Notice } from "../../design/card.tsx";
import { Moment } from "../../formats/amount.tsx";
import { showCount, showMany } from "../../formats/credits.ts";

/** What the work behind the requests has before it. */
export function Waiting({ of }: { readonly of: Health }): ReactNode {
  const { databaseAway, rollUp, duePools, exports, bulkRefundsRunning } = of;
  return (
    <Card title="What waits" note="for the work behind the requests">
      <div className="stack">
        {databaseAway ? <Notice tone="bad">The database does not answer this instance.</Notice> : null}
        <dl className="facts">
          <dt>Not rolled up</dt>
          <dd>
            {showMany(rollUp.entries, "entry", "entries")}
            {rollUp.firstAt === null ? null : (
              <span className="soft">
                , the first <Moment at={rollUp.firstAt} as="distance" />
              </span>
            )}
          </dd>
          <dt>Due pools</dt>
          <dd>{showCount(duePools)}</dd>
          <dt>Exports</dt>
          <dd>
            {showCount(exports.running)} running, {showCount(exports.queued)} queued
            {exports.overdue === 0 ? "" : `, ${showCount(exports.overdue)} overdue`}
          </dd>
          <dt>Bulk refunds</dt>
          <dd>{showCount(bulkRefundsRunning)} running</dd>
        </dl>
      </div>
    </Card>
  );
}
