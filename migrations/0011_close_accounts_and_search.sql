-- Accounts are searched, changed and closed, and operators' actions are looked up.

-- Accounts by members of their metadata.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX accounts_by_metadata ON farebox.accounts USING gin (metadata jsonb_path_ops);

-- The audit trail is read by time, the newest first, and by what was done and to what.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX operator_audit_by_time ON farebox.operator_audit (at, audit_id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX operator_audit_by_action ON farebox.operator_audit (action, at, audit_id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX operator_audit_by_target ON farebox.operator_audit (target, at, audit_id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX operator_audit_by_account_time ON farebox.operator_audit (account_id, at, audit_id);
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX farebox.operator_audit_by_account;

-- Prepares the pools of an account for its closing, under their locks. When clients have credits on hold it changes nothing
-- but what was due, and returns them per pool. Otherwise it returns nothing: no recurring grant is left, and instances are
-- asked for their leases with their next heartbeat. The caller holds the account's row.
CREATE FUNCTION farebox.close_pools(p_shard integer, p_account text)
RETURNS TABLE (credit_type text, holds bigint, amount bigint)
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  v_types text[];
BEGIN
  SELECT coalesce(array_agg(p.credit_type ORDER BY p.credit_type), '{}') INTO v_types
  FROM farebox.pools p WHERE p.account_id = p_account AND p.shard = p_shard;
  -- Pools in the order of their keys. Opening one rolls it: holds that are over end here, and what is due is granted.
  FOR k IN 1..cardinality(v_types) LOOP
    PERFORM farebox.open_pool(p_shard, p_account, v_types[k]);
  END LOOP;
  RETURN QUERY
    SELECT h.credit_type, count(*), sum(h.amount)::bigint FROM farebox.holds h
    WHERE h.account_id = p_account AND h.shard = p_shard AND h.kind = 'hold' AND h.state = 'live'
      AND h.expires_at > clock_timestamp()
    GROUP BY h.credit_type ORDER BY h.credit_type;
  IF FOUND THEN RETURN; END IF;
  DELETE FROM farebox.recurring r WHERE r.account_id = p_account AND r.shard = p_shard;
  INSERT INTO farebox.recalls (owner, account_id, credit_type, shard)
  SELECT h.owner, h.account_id, h.credit_type, h.shard FROM farebox.holds h
  WHERE h.account_id = p_account AND h.shard = p_shard AND h.kind = 'lease' AND h.amount > 0
  ORDER BY h.owner, h.credit_type
  ON CONFLICT DO NOTHING;
  -- What comes next on each pool is no refresh any more.
  FOR k IN 1..cardinality(v_types) LOOP
    PERFORM farebox.roll_pool(p_shard, p_account, v_types[k]);
  END LOOP;
END $$;
