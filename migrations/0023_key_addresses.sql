-- Address ranges from which the key may be used, `"10.0.0.0/8"`; null: from everywhere. Compared by who answers the key, with the
-- client's address as it knows it.
ALTER TABLE farebox.keys ADD COLUMN addresses jsonb CHECK (jsonb_typeof(addresses) = 'array');
