-- What people write about their project and metric, for auditors to read.
ALTER TABLE projects ADD COLUMN about text NOT NULL DEFAULT '';
ALTER TABLE metrics ADD COLUMN about text NOT NULL DEFAULT '';

ALTER TABLE insights ADD COLUMN num_evaluated_calls integer CHECK (num_evaluated_calls >= 0);
-- In US dollars; null: the price of the model is not known.
ALTER TABLE insights ADD COLUMN cost double precision CHECK (cost >= 0);

ALTER TABLE insight_themes ADD COLUMN severity text
    CHECK (severity IN ('critical', 'high', 'medium', 'low'));
ALTER TABLE insight_themes ADD COLUMN severity_reason text NOT NULL DEFAULT '';

-- The finer level: a theme's causes, and (position null) those of no theme that is shown. A cause
-- keeps its cause_id from day to day; terms are its weighted words on this day.
CREATE TABLE insight_causes (
    insight_id bigint NOT NULL REFERENCES insights ON DELETE CASCADE,
    ordinal    smallint NOT NULL,
    position   smallint,
    cause_id   text NOT NULL CHECK (cause_id ~ '^ca_[0-9a-f]{12}$'),
    title      text NOT NULL CHECK (title <> ''),
    criterion  text NOT NULL,
    terms      jsonb NOT NULL DEFAULT '{}',
    status     text NOT NULL CHECK (status IN ('new', 'recurring')),
    PRIMARY KEY (insight_id, ordinal),
    UNIQUE (insight_id, cause_id),
    FOREIGN KEY (insight_id, position) REFERENCES insight_themes (insight_id, position) ON DELETE CASCADE
);
CREATE INDEX insight_causes_by_cause ON insight_causes (cause_id);

-- Which group a call is in: of those that "in no theme" meant until now.
ALTER TABLE insight_calls ADD COLUMN bucket text;
UPDATE insight_calls
   SET bucket = CASE WHEN position IS NOT NULL THEN 'theme'
                     WHEN reason IS NOT NULL THEN 'judge_error'
                     ELSE 'unassigned' END;
ALTER TABLE insight_calls ALTER COLUMN bucket SET NOT NULL;
ALTER TABLE insight_calls ADD CHECK
    (bucket IN ('theme', 'other_cause', 'unassigned', 'not_read', 'judge_error', 'metric_finding'));
ALTER TABLE insight_calls ADD CHECK ((bucket = 'theme') = (position IS NOT NULL));
-- The call's cause; null where its auditor knows one level only.
ALTER TABLE insight_calls ADD COLUMN cause smallint;
ALTER TABLE insight_calls ADD CHECK (bucket <> 'other_cause' OR cause IS NOT NULL);
ALTER TABLE insight_calls ADD FOREIGN KEY (insight_id, cause) REFERENCES insight_causes (insight_id, ordinal);
-- Of metric findings only.
ALTER TABLE insight_calls ADD COLUMN finding text
    CHECK (finding IN ('reason_not_in_call', 'nothing_called_for_it'));
ALTER TABLE insight_calls ADD CHECK ((bucket = 'metric_finding') = (finding IS NOT NULL));

-- Calls that count elsewhere, and where the theme is at work too.
CREATE TABLE insight_also_calls (
    insight_id bigint NOT NULL,
    position   smallint NOT NULL,
    call_id    text NOT NULL,
    PRIMARY KEY (insight_id, position, call_id),
    FOREIGN KEY (insight_id, position) REFERENCES insight_themes (insight_id, position) ON DELETE CASCADE,
    FOREIGN KEY (insight_id, call_id) REFERENCES insight_calls (insight_id, call_id) ON DELETE CASCADE
);
