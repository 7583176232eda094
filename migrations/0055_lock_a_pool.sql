-- A bulk refund locked a pool by a statement of its own. On a cluster a shard may move away under such a lock; functions are made to hold it.

-- What was charged by a batch that has not committed yet is there when this returns.
CREATE FUNCTION farebox.lock_pool(p_shard smallint, p_account integer, p_type smallint) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM farebox.pools p WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE;
END $$;
COMMENT ON FUNCTION farebox.lock_pool IS
  'Called by bulk refunds, in their transaction: nobody charges the pool until it ends.';
