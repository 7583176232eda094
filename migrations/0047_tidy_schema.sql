-- What nobody reads goes, what comments left out is said, and entries are append-only against TRUNCATE too.

-- Written and never read; who made a link, and when, is in the audit trail.
-- squawk-ignore ban-drop-column
ALTER TABLE farebox.portal_links DROP COLUMN created_by, DROP COLUMN created_at;
-- squawk-ignore ban-drop-column
ALTER TABLE farebox.console_links DROP COLUMN created_at;
-- squawk-ignore ban-drop-column
ALTER TABLE farebox.plans DROP COLUMN changed_at;
-- squawk-ignore ban-drop-column
ALTER TABLE farebox.secrets DROP COLUMN created_at;

-- The trigger is for rows. A right costs a charge nothing, where one more trigger would be read with each; a cluster has rights alone. The
-- month of a partition that was detached may still be dropped.
REVOKE TRUNCATE ON farebox.entries FROM PUBLIC, CURRENT_USER;

COMMENT ON TABLE farebox.bulk_refunds IS
  'Refunds of all charges that a filter names: what was asked for, how far each is, and where it goes on.';
COMMENT ON TABLE farebox.migrations IS 'The migrations that were applied, and what was in their files. Stays where it is read on Citus.';

-- Of batches.
COMMENT ON FUNCTION farebox.run_plain IS
  'Called by instances: a batch of plain charges, returns and leases. What it cannot do it leaves, and says so. Answers four lists parted by '';'', with a place for each pool: the number of its last entry less p_last, its balance, what is available; and pairs of a pool newly leased from and the milliseconds until something is due on it. FB002: not the lane''s next batch. 55P03: a pool stays locked.';
COMMENT ON FUNCTION farebox.run_batch IS
  'Called by instances: a batch of anything, in one transaction. Answers {"s": "done", "pools": […]}, null for a pool that was passed by; {"s": "missing"} or {"s": "fenced"} when nothing was done. FB002: not the lane''s next batch. 55P03: something stays locked.';
COMMENT ON FUNCTION farebox.open_batch IS
  'Internal. First step of a batch: locks its pools in the order of their keys. Null in the place of one that is locked, with p_skip; all is null when one does not exist.';
COMMENT ON FUNCTION farebox.lock_claims IS
  'Internal. Second step of a batch, and the last of its locks: `once` windows and Idempotency-Keys, in the order of their keys.';
COMMENT ON FUNCTION farebox.group_total IS
  'Internal. What the charges of one source ask for in all, if it is there for the taking; else null, and each is looked at alone.';
COMMENT ON FUNCTION farebox.judge_charge IS
  'Internal. Whether a special charge is to be made: charged (it is), repeat (its `once` window is open), superseded (another run of the request completed its Idempotency-Key).';
COMMENT ON FUNCTION farebox.complete_claims IS
  'Internal. In the charge''s own transaction: opens its `once` window and completes its Idempotency-Key, unless another request has that.';
COMMENT ON FUNCTION farebox.write_batch_pool IS
  'Internal. Last step of a pool in a batch: writes its locked row, leases included, in one statement.';

-- Of lanes.
COMMENT ON FUNCTION farebox.register_lane IS 'Called by instances. An instance begins to serve a shard. Safe to repeat.';
COMMENT ON FUNCTION farebox.end_lane IS
  'Called by instances that stop. No batch of this lane runs any more; its leases can be released.';
COMMENT ON FUNCTION farebox.heartbeat IS
  'Called by instances. An instance says that it lives, and hears which of its leases others want back. Waits for nobody.';
COMMENT ON FUNCTION farebox.rest_pool IS
  'Called by the sweep. Takes an instance out of a pool that it no longer uses, so that what is active stays a short list.';
COMMENT ON FUNCTION farebox.list_active_pools IS
  'Called by instances that stop. The first pools of an instance, as [[account_no, type_no], …].';
COMMENT ON FUNCTION farebox.release_pool_leases IS
  'Called by instances that stop, and by release_stranded. Gives back what an instance without a live lane leased of one pool, its keys'' leases included.';

-- Of exports.
COMMENT ON FUNCTION farebox.beat_export IS
  'Called by workers. A claim lives on, and what is set aside with it. running: go on. lost: another worker has it, or it was cancelled.';
COMMENT ON FUNCTION farebox.finish_export IS
  'Called by workers. All parts are in. Answers what it is now: ready, charged (in the same transaction, where it is charged at completion), or lost.';
COMMENT ON FUNCTION farebox.fail_export IS
  'Called by workers. A claim ends without the job being done. queued: it goes on after p_retry_ms. failed: it costs nothing and its files go. lost.';

-- Of reports and searches.
COMMENT ON FUNCTION farebox.first_seq_at IS
  'Called by instances. The number of a pool''s first entry at or after a moment, found by halving: times run in the order of the numbers.';
COMMENT ON FUNCTION farebox.find_request IS
  'Called by instances. The charges of a request in all pools of a shard that were charged about a time. Locks nothing; its cost is that of the pools that were charged then.';
