-- What a project's digest of the days that end at a time says; made anew, it takes the older one's
-- place. content is what code counted, words what an LLM made of it ('': none was asked).
CREATE TABLE project_digests (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id integer NOT NULL REFERENCES projects ON DELETE CASCADE,
    date       date NOT NULL,
    days       integer NOT NULL CHECK (days BETWEEN 1 AND 30),
    window_end timestamptz NOT NULL,
    headline   text NOT NULL CHECK (headline <> ''),
    words      text NOT NULL DEFAULT '',
    content    jsonb NOT NULL,
    model      text,
    usage      jsonb NOT NULL DEFAULT '{}',
    -- In US dollars; null: no LLM was asked, or its price is not known.
    cost       double precision CHECK (cost >= 0),
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (project_id, days, date)
);
-- How far a day's audits are.
CREATE INDEX insights_of_date ON insights (date, metric_id);
