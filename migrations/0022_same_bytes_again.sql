-- A repeated request is answered with the bytes of the first. `jsonb` puts members in an order of its own; `json` keeps the text.

-- squawk-ignore changing-column-type
ALTER TABLE farebox.operator_requests ALTER COLUMN body TYPE json USING body::json;
