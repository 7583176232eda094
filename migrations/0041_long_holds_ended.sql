-- A long hold that is ended after its time and before the sweep was there had expired all the same: it is told too. Who releases one is
-- told what became free.

ALTER TABLE farebox.long_holds ADD COLUMN untold boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN farebox.long_holds.untold IS 'It ended after its time, which was not told yet.';
-- A row for each job of the last month: a small table.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX farebox.long_holds_open;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX long_holds_untold ON farebox.long_holds (expires_at, shard) WHERE state = 'open' OR untold;

-- As before; the last settlement of one whose time was over leaves it to be told.
CREATE OR REPLACE FUNCTION farebox.settle_long_hold(
  p_shard smallint, p_account integer, p_type smallint, p_hold text, p_part text, p_content bytea, p_special jsonb
) RETURNS jsonb LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_now CONSTANT timestamptz := v_opened.o_now;
  v farebox.long_holds;
  v_part farebox.hold_parts;
  x record;
BEGIN
  SELECT l.* INTO v FROM farebox.long_holds l
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard FOR UPDATE;
  IF NOT FOUND THEN RETURN '{"outcome": "unknown"}'; END IF;
  SELECT p.* INTO v_part FROM farebox.hold_parts p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.hold_id = p_hold AND p.part = p_part AND p.shard = p_shard;
  IF FOUND THEN
    RETURN CASE WHEN v_part.content = p_content THEN farebox.render_hold_part(v_part) || '{"again": true}'
      ELSE '{"outcome": "conflict"}' END;
  END IF;
  IF v.state IN ('settled', 'released') THEN RETURN jsonb_build_object('outcome', v.state); END IF;
  IF v.expires_at < v_now - interval '1 hour' THEN RETURN '{"outcome": "expired"}'; END IF;
  IF v.parts > 0 AND p_special ? 'alone' THEN RETURN '{"outcome": "alone"}'; END IF;
  IF v.parts >= 10000 AND p_part <> '' THEN RETURN '{"outcome": "full"}'; END IF;
  PERFORM farebox.lock_claims(p_shard,
    jsonb_build_array(jsonb_build_object('account', p_account, 'specials', jsonb_build_array(p_special))));
  v_part := ROW(p_account, p_type, p_hold, p_part, p_shard, p_content, 'free', NULL, 0, 0, 0, 0, v_now);
  x := farebox.charge_long_hold(v_opened.o_pool, v, v_now, p_special, v_part);
  IF x.o_short IS NOT NULL THEN RETURN jsonb_build_object('outcome', 'short', 'shortage', x.o_short); END IF;
  v_part := x.io_part;
  INSERT INTO farebox.hold_parts (account_no, type_no, hold_id, part, shard, content, kind, seq, charged, uncollected, balance_after,
    units, at)
  VALUES (p_account, p_type, p_hold, p_part, p_shard, p_content, v_part.kind, v_part.seq, v_part.charged, v_part.uncollected,
    v_part.balance_after, v_part.units, v_now);
  UPDATE farebox.long_holds l SET parts = v.parts + 1, charged = v.charged + v_part.charged,
    state = CASE WHEN p_part = '' THEN 'settled' ELSE v.state END,
    untold = p_part = '' AND v.state = 'open' AND v.expires_at <= v_now
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard;
  PERFORM farebox.write_export_pool(x.io_pool, v_now);
  RETURN farebox.render_hold_part(v_part);
END $$;

-- {"outcome": "released", "freed"}: what it held is free; freed is 0 when it was before. {"outcome": "settled", "seq"}: it was ended by a
-- settlement with this entry, or (null) with none. {"outcome": "unknown"}.
CREATE OR REPLACE FUNCTION farebox.release_long_hold(p_shard smallint, p_account integer, p_type smallint, p_hold text) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_pool farebox.pools := v_opened.o_pool;
  v farebox.long_holds;
  x record;
BEGIN
  SELECT l.* INTO v FROM farebox.long_holds l
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard FOR UPDATE;
  IF NOT FOUND THEN RETURN '{"outcome": "unknown"}'; END IF;
  IF v.state = 'settled' THEN
    RETURN jsonb_build_object('outcome', 'settled', 'seq', (
      SELECT p.seq FROM farebox.hold_parts p
      WHERE p.account_no = p_account AND p.type_no = p_type AND p.hold_id = p_hold AND p.part = '' AND p.shard = p_shard
    ));
  END IF;
  x := farebox.release_hold(v_pool, p_hold);
  v_pool := x.io_pool;
  PERFORM farebox.hold_under_cap(v_pool, v.key_no, -x.o_released);
  UPDATE farebox.long_holds l SET state = 'released', untold = l.untold OR (v.state = 'open' AND v.expires_at <= v_opened.o_now)
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard;
  PERFORM farebox.write_export_pool(v_pool, v_opened.o_now);
  RETURN jsonb_build_object('outcome', 'released', 'freed', x.o_released);
END $$;

-- As before; also those that were ended after their time.
CREATE OR REPLACE FUNCTION farebox.tell_expired_holds(p_shard smallint, p_limit integer) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_told jsonb := '[]';
  x record;
BEGIN
  FOR x IN
    SELECT l.* FROM farebox.long_holds l
    WHERE (l.state = 'open' OR l.untold) AND l.expires_at <= v_now AND l.shard = p_shard ORDER BY l.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    UPDATE farebox.long_holds l SET state = CASE WHEN l.state = 'open' THEN 'expired' ELSE l.state END, untold = false
    WHERE l.account_no = x.account_no AND l.type_no = x.type_no AND l.hold_id = x.hold_id AND l.shard = p_shard;
    v_told := v_told || (
      SELECT jsonb_build_object('requestId', x.request, 'accountId', a.account_id, 'endpoint', e.endpoint, 'asked', x.asked,
        'charged', x.charged, 'parts', x.parts)
      FROM farebox.accounts a JOIN farebox.endpoints e ON e.endpoint_no = x.endpoint_no WHERE a.account_no = x.account_no
    );
  END LOOP;
  RETURN v_told;
END $$;
