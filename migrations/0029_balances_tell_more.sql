-- Contracts show more of a pool: what was ever taken from it, when its period began, and when each grant was given.

CREATE OR REPLACE FUNCTION farebox.render_balance(p farebox.roll_state, p_type text, p_plan text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
AS $$
BEGIN
  RETURN jsonb_build_object('creditType', p_type, 'balance', (p.pool).balance, 'held', (p.pool).held, 'spent', (p.pool).spent,
    'grants', (
      SELECT coalesce(jsonb_agg(jsonb_build_object('grantId', g.grant_id, 'amount', g.amount, 'remaining', g.remaining,
        'source', g.source, 'grantedAt', extract(epoch FROM g.effective_at) * 1000,
        'expiresAt', extract(epoch FROM g.expires_at) * 1000) ORDER BY o.ordinality), '[]')
      FROM unnest(p.draw_order) WITH ORDINALITY o(which, ordinality)
      CROSS JOIN LATERAL (SELECT (p.grants[o.which]).*) g
    ),
    'recurring', (
      SELECT jsonb_build_object('amount', r.amount, 'every', r.every,
        'startedAt', extract(epoch FROM farebox.period_start(r.anchor_at, r.every, r.next_period - 1)) * 1000,
        'nextAt', (SELECT extract(epoch FROM min(n.next_at)) * 1000 FROM unnest(p.recurring) n
          WHERE n.next_at < coalesce(n.until, 'infinity')),
        'rollover', CASE WHEN r.rollover = 'cap' THEN to_jsonb(r.rollover_cap) ELSE to_jsonb(r.rollover) END)
      FROM unnest(p.recurring) r WHERE r.item = p_plan
    ));
END $$;
COMMENT ON FUNCTION farebox.render_balance IS 'Internal. A pool as its owner sees it.';
