-- What people make of a theme now. The words of audits stay as they were; who did what is in
-- theme_acts, and these columns are what all acts together come to.
ALTER TABLE themes ADD COLUMN state text NOT NULL DEFAULT 'active'
    CHECK (state IN ('active', 'watched', 'resolved', 'dismissed'));
-- From when on the state holds: calls of a resolved theme after it are a regression.
ALTER TABLE themes ADD COLUMN state_since timestamptz;
ALTER TABLE themes ADD COLUMN dismissal_reason text CHECK (dismissal_reason <> '');
ALTER TABLE themes ADD COLUMN note text NOT NULL DEFAULT '';
-- The title that people gave; null: that of its first audit.
ALTER TABLE themes ADD COLUMN given_title text CHECK (given_title <> '');
ALTER TABLE themes ADD COLUMN merged_into text REFERENCES themes CHECK (merged_into <> theme_id);
ALTER TABLE themes ADD COLUMN owner text NOT NULL DEFAULT '';
ALTER TABLE themes ADD COLUMN link text NOT NULL DEFAULT '';
ALTER TABLE themes ADD CHECK ((state = 'dismissed') = (dismissal_reason IS NOT NULL));
-- One level: what a theme was merged into is merged into nothing itself.
CREATE INDEX merged_themes ON themes (merged_into) WHERE merged_into IS NOT NULL;

-- When the newest call of the theme on that day began; null: of days before this column.
ALTER TABLE theme_history ADD COLUMN last_call_at timestamptz;
UPDATE theme_history AS history
   SET last_call_at = (
       SELECT max(call.started_at)
         FROM insight_themes AS shown
         JOIN insight_calls AS member USING (insight_id, position)
         JOIN insights AS insight ON insight.id = shown.insight_id
         JOIN metrics AS metric ON metric.id = insight.metric_id
         JOIN calls AS call ON call.project_id = metric.project_id AND call.call_id = member.call_id
        WHERE shown.insight_id = history.insight_id AND shown.theme_id = history.theme_id);

-- Nothing here is ever changed or removed: an undo is one more act.
CREATE TABLE theme_acts (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    theme_id text NOT NULL REFERENCES themes ON DELETE CASCADE,
    kind     text NOT NULL CHECK (kind IN ('state', 'title', 'merge', 'split', 'owner', 'link')),
    acted_by text NOT NULL CHECK (acted_by <> ''),
    acted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    before   jsonb NOT NULL,
    after    jsonb NOT NULL,
    -- The act that this one takes back.
    undoes   bigint UNIQUE REFERENCES theme_acts ON DELETE CASCADE
);
CREATE INDEX acts_of_theme ON theme_acts (theme_id, id DESC);

-- Calls that people say do not belong to a theme: they count for another one, or for a cause of
-- this title, or (neither is given) for none.
CREATE TABLE theme_split_calls (
    theme_id   text NOT NULL REFERENCES themes ON DELETE CASCADE,
    call_id    text NOT NULL,
    into_theme text REFERENCES themes ON DELETE CASCADE,
    title      text NOT NULL DEFAULT '',
    PRIMARY KEY (theme_id, call_id)
);

-- What people say of a judge's result. The newest row of a call and metric is current; a row
-- without a verdict takes the one before it back.
CREATE TABLE result_marks (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    metric_id       integer NOT NULL REFERENCES metrics ON DELETE CASCADE,
    call_pk         bigint NOT NULL REFERENCES calls ON DELETE CASCADE,
    verdict         text CHECK (verdict IN ('judge_wrong', 'metric_wrong', 'stands')),
    -- The judge's verdict that was marked: a new one is not meant.
    passed          boolean,
    -- What the result should have been, and whether that passes.
    expected        jsonb,
    expected_passed boolean,
    note            text NOT NULL DEFAULT '',
    marked_by       text NOT NULL CHECK (marked_by <> ''),
    marked_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    is_current      boolean NOT NULL DEFAULT true,
    -- The call fails for no fault of the agent's: later audits leave it out.
    leaves_pools    boolean NOT NULL
);
CREATE UNIQUE INDEX current_marks ON result_marks (call_pk, metric_id) WHERE is_current;
CREATE INDEX marks_of_metric ON result_marks (metric_id, id DESC);

-- Failing calls of the window that an audit left out, since people confirmed the judge's error.
ALTER TABLE insights ADD COLUMN num_confirmed_errors integer NOT NULL DEFAULT 0
    CHECK (num_confirmed_errors >= 0);
