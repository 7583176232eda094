-- Refusals by month of UTC. They leave no entry and are no money: each instance counts them in memory and adds what it counted some seconds
-- later, so what a killed process had not added yet is lost. Nothing here is per account, key or request: what a customer does makes no row.

-- The last counts that an instance added: what is sent again after a lost answer is not added twice.
ALTER TABLE farebox.lanes ADD COLUMN last_refusals bigint NOT NULL DEFAULT 0;

CREATE TABLE farebox.refusal_sums (
  -- Its first moment in UTC, by the database's clock when the counts came.
  month timestamptz NOT NULL,
  code text COLLATE "C" NOT NULL,
  -- 0: the refusal names no credit type.
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  requests bigint NOT NULL,
  PRIMARY KEY (month, code, type_no, shard)
) WITH (fillfactor = 50);
COMMENT ON TABLE farebox.refusal_sums IS 'Refusals by month, code and credit type, over all accounts. All in the shard 0.';

-- p_counts: [[code, credit type or null, requests], …], each pair once. False: these counts are added already, or the instance is forgotten.
CREATE FUNCTION farebox.add_refusals(p_shard smallint, p_instance integer, p_number bigint, p_counts jsonb) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_month CONSTANT timestamptz := date_trunc('month', clock_timestamp(), 'UTC');
  v_last bigint;
  v_type smallint;
  x record;
BEGIN
  SELECT l.last_refusals INTO v_last FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard FOR UPDATE;
  IF v_last IS NULL OR v_last >= p_number THEN RETURN false; END IF;
  UPDATE farebox.lanes l SET last_refusals = p_number WHERE l.instance_no = p_instance AND l.shard = p_shard;
  -- In the order of the rows: two instances wait for one another, and not in a circle.
  FOR x IN
    SELECT c.count ->> 0 AS code, c.count ->> 1 AS credit_type, (c.count ->> 2)::bigint AS requests
    FROM jsonb_array_elements(p_counts) c (count) ORDER BY (c.count ->> 0) COLLATE "C", (c.count ->> 1) COLLATE "C"
  LOOP
    SELECT t.type_no INTO v_type FROM farebox.credit_types t WHERE t.credit_type = x.credit_type;
    v_type := coalesce(v_type, 0);
    INSERT INTO farebox.refusal_sums AS s (month, code, type_no, shard, requests)
    VALUES (v_month, x.code, v_type, p_shard, x.requests)
    ON CONFLICT (month, code, type_no, shard) DO UPDATE SET requests = s.requests + excluded.requests;
  END LOOP;
  RETURN true;
END $$;
COMMENT ON FUNCTION farebox.add_refusals IS 'Called by instances. Adds what one counted of refusals, once for its number.';
