-- Failing calls that came after an audit, sorted into its themes by their criteria: shown as "since
-- then", and in none of the audit's sums.
CREATE TABLE call_sortings (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    insight_id bigint NOT NULL REFERENCES insights ON DELETE CASCADE,
    sorted_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    model      text NOT NULL,
    usage      jsonb NOT NULL DEFAULT '{}',
    -- In US dollars; null: the price is not known.
    cost       double precision CHECK (cost >= 0)
);
CREATE INDEX sortings_of_insight ON call_sortings (insight_id);
CREATE INDEX sortings_that_cost ON call_sortings (sorted_at) WHERE cost > 0;

CREATE TABLE sorted_calls (
    insight_id bigint NOT NULL REFERENCES insights ON DELETE CASCADE,
    call_id    text NOT NULL,
    sorting_id bigint NOT NULL REFERENCES call_sortings ON DELETE CASCADE,
    -- Null: of no theme of the audit, or its explanation does not say.
    theme_id   text REFERENCES themes ON DELETE CASCADE,
    PRIMARY KEY (insight_id, call_id)
);
