-- What operators publish: plans and price lists. Small, read through caches; reference tables on Citus.

CREATE TABLE farebox.plans (
  name text COLLATE "C" PRIMARY KEY,
  -- {"recurring": [{"creditType", "amount" in micro-credits, "every", "rollover": "none" | "all" | micro-credits}]}
  body jsonb NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Counted up with each change: accounts whose plan_version is behind are made to follow.
  version integer NOT NULL DEFAULT 1
);
COMMENT ON TABLE farebox.plans IS 'Plans as they were published last.';

CREATE TABLE farebox.price_lists (
  -- Counted up under a lock of the table, so that versions are gap-free and in order of publication.
  version integer PRIMARY KEY CHECK (version > 0),
  hash text NOT NULL,
  body jsonb NOT NULL,
  effective_at timestamptz NOT NULL,
  published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Only before it took effect: a list that priced a charge stays.
  cancelled_at timestamptz CHECK (cancelled_at < effective_at),
  -- When a start last found these prices in its file.
  file_read_at timestamptz
);
COMMENT ON TABLE farebox.price_lists IS 'Dated, immutable lists of prices. Every charge names the one that priced it.';
