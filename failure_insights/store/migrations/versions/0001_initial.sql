-- Every time is timestamptz; every text that a person wrote is shown as text, never as markup.

CREATE TABLE projects (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug        text NOT NULL UNIQUE CHECK (slug <> '' AND slug !~ '[|/,\[\]\s]'),
    name        text NOT NULL CHECK (name <> ''),
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE agents (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id  integer NOT NULL REFERENCES projects ON DELETE CASCADE,
    name        text NOT NULL CHECK (name <> ''),
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, name),
    UNIQUE (id, project_id)
);

CREATE TABLE views (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id  integer NOT NULL REFERENCES projects ON DELETE CASCADE,
    slug        text NOT NULL CHECK (slug <> ''),
    name        text NOT NULL CHECK (name <> ''),
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, slug),
    UNIQUE (id, project_id)
);

-- project_id stands here too, so that a view cannot hold an agent of another project.
CREATE TABLE view_agents (
    view_id     integer NOT NULL,
    agent_id    integer NOT NULL,
    project_id  integer NOT NULL,
    PRIMARY KEY (view_id, agent_id),
    FOREIGN KEY (view_id, project_id) REFERENCES views (id, project_id) ON DELETE CASCADE,
    FOREIGN KEY (agent_id, project_id) REFERENCES agents (id, project_id) ON DELETE CASCADE
);

-- A metric's card. is_eligible is decided by domain.metrics.MetricCard at every write.
CREATE TABLE metrics (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id  integer NOT NULL REFERENCES projects ON DELETE CASCADE,
    slug        text NOT NULL CHECK (slug <> '' AND slug !~ '[|/,\[\]\s]'),
    name        text NOT NULL CHECK (name <> ''),
    type        text NOT NULL CHECK (type IN ('llm_judge', 'custom_code')),
    prompt      text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    pass_rule   text CHECK (pass_rule <> ''),
    score_type  text NOT NULL DEFAULT 'binary' CHECK (score_type IN ('binary', 'rating', 'number', 'enum')),
    is_eligible boolean NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, slug),
    UNIQUE (id, project_id)
);

CREATE TABLE calls (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id   integer NOT NULL REFERENCES projects ON DELETE CASCADE,
    agent_id     integer NOT NULL,
    call_id      text NOT NULL CHECK (call_id <> ''),
    started_at   timestamptz NOT NULL,
    duration_s   double precision CHECK (duration_s >= 0),
    ended_reason text,
    metadata     jsonb NOT NULL DEFAULT '{}',
    -- Of all that a line says of the call itself; an equal digest means an unchanged call.
    digest       bytea NOT NULL,
    imported_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, call_id),
    UNIQUE (id, project_id, started_at),
    FOREIGN KEY (agent_id, project_id) REFERENCES agents (id, project_id)
);
CREATE INDEX calls_by_agent ON calls (agent_id, started_at);

-- Apart from calls, so that reading a list of calls does not read their words.
CREATE TABLE transcripts (
    call_pk bigint PRIMARY KEY REFERENCES calls ON DELETE CASCADE,
    turns   jsonb NOT NULL CHECK (jsonb_typeof(turns) = 'array')
);

-- started_at and project_id repeat the call's, held equal by the foreign keys, so that one
-- partial index serves the pool query.
CREATE TABLE metric_results (
    metric_id   integer NOT NULL,
    call_pk     bigint NOT NULL,
    project_id  integer NOT NULL,
    started_at  timestamptz NOT NULL,
    passed      boolean NOT NULL,
    score       jsonb,
    explanation text NOT NULL DEFAULT '',
    PRIMARY KEY (call_pk, metric_id),
    FOREIGN KEY (metric_id, project_id) REFERENCES metrics (id, project_id) ON DELETE CASCADE,
    FOREIGN KEY (call_pk, project_id, started_at) REFERENCES calls (id, project_id, started_at)
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX failing_results ON metric_results (metric_id, started_at) WHERE NOT passed;
CREATE INDEX passing_results ON metric_results (metric_id, started_at) WHERE passed;

-- What the asset failing_calls held for one partition in one run, so that an audit can be
-- replayed on exactly these calls and these words of the judge.
CREATE TABLE failing_call_sets (
    project_metric text NOT NULL,
    date           date NOT NULL,
    dagster_run_id text NOT NULL,
    window_end     timestamptz NOT NULL,
    window_days    integer NOT NULL CHECK (window_days >= 1),
    calls          jsonb NOT NULL CHECK (jsonb_typeof(calls) = 'array'),
    stored_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project_metric, date, dagster_run_id)
);

-- One row an audit. A row that is pending with trigger request is a request: the queue.
-- project_metric is the pair's key as it was asked for: a row outlives its metric, and a request
-- for a pair that does not exist can be written down and be told so.
CREATE TABLE insights (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_metric        text NOT NULL CHECK (project_metric <> ''),
    metric_id             integer REFERENCES metrics ON DELETE SET NULL,
    metric_name           text NOT NULL DEFAULT '',
    date                  date,
    status                text NOT NULL DEFAULT 'pending' CHECK
        (status IN ('pending', 'running', 'succeeded', 'failed', 'skipped_not_enough_data')),
    trigger               text NOT NULL DEFAULT 'request' CHECK
        (trigger IN ('schedule', 'request', 'backfill', 'manual')),
    requested_window_days integer CHECK (requested_window_days BETWEEN 1 AND 90),
    max_calls             integer CHECK (max_calls BETWEEN 1 AND 1000),
    window_end            timestamptz,
    window_days           integer CHECK (window_days >= 1),
    num_failing_calls     integer CHECK (num_failing_calls >= 0),
    num_calls_analyzed    integer CHECK (num_calls_analyzed BETWEEN 0 AND num_failing_calls),
    auditor               text CHECK (auditor IN ('agent', 'wording')),
    degraded              boolean NOT NULL DEFAULT false,
    model                 text,
    usage                 jsonb NOT NULL DEFAULT '{}',
    provenance            jsonb NOT NULL DEFAULT '{}',
    message               text NOT NULL DEFAULT '',
    error_message         text NOT NULL DEFAULT '',
    dagster_run_id        text,
    created_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at            timestamptz,
    heartbeat_at          timestamptz,
    finished_at           timestamptz,
    updated_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (status <> 'running' OR (started_at IS NOT NULL AND dagster_run_id IS NOT NULL)),
    CHECK ((status IN ('pending', 'running')) = (finished_at IS NULL)),
    CHECK ((status = 'failed') = (error_message <> '')),
    CHECK (status <> 'succeeded' OR (num_failing_calls > 0 AND auditor IS NOT NULL AND date IS NOT NULL)),
    CHECK (status <> 'skipped_not_enough_data' OR (message <> '' AND num_failing_calls IS NOT NULL))
);
-- The same request while one is open joins it: a second open row cannot be written.
CREATE UNIQUE INDEX one_open_request ON insights
    (project_metric, coalesce(requested_window_days, 0), coalesce(max_calls, 0))
    WHERE status IN ('pending', 'running') AND trigger = 'request';
CREATE INDEX open_insights ON insights (id) WHERE status IN ('pending', 'running');
CREATE INDEX insights_of_pair ON insights (project_metric, id DESC);
CREATE INDEX insights_of_project ON insights (split_part(project_metric, '/', 1), id DESC);
CREATE INDEX insights_of_metric ON insights (metric_id, id DESC);
-- What a card shows is found without reading the metric's past audits.
CREATE INDEX done_insights ON insights (metric_id, window_end DESC, id DESC)
    WHERE status IN ('succeeded', 'skipped_not_enough_data');
CREATE INDEX failed_insights ON insights (metric_id, id DESC) WHERE status = 'failed';
CREATE INDEX insights_of_run ON insights (dagster_run_id);

-- A theme's identity over the days.
CREATE TABLE themes (
    theme_id       text PRIMARY KEY CHECK (theme_id ~ '^th_[0-9a-f]{12}$'),
    project_metric text NOT NULL,
    title          text NOT NULL CHECK (title <> ''),
    description    text NOT NULL,
    criterion      text NOT NULL,
    origin         text NOT NULL
);
CREATE INDEX themes_of_pair ON themes (project_metric);

-- How many calls a theme had on a day, by that day's newest audit, and its weighted words then:
-- a day that is audited later must not know it by words of days to come.
CREATE TABLE theme_history (
    theme_id   text NOT NULL REFERENCES themes ON DELETE CASCADE,
    date       date NOT NULL,
    insight_id bigint NOT NULL REFERENCES insights ON DELETE CASCADE,
    count      integer NOT NULL CHECK (count > 0),
    terms      jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (theme_id, date)
);
CREATE INDEX theme_history_of_insight ON theme_history (insight_id);

CREATE TABLE insight_themes (
    insight_id    bigint NOT NULL REFERENCES insights ON DELETE CASCADE,
    position      smallint NOT NULL CHECK (position BETWEEN 1 AND 6),
    theme_id      text NOT NULL REFERENCES themes,
    title         text NOT NULL CHECK (title <> ''),
    description   text NOT NULL,
    origin        text NOT NULL,
    suggested_fix text NOT NULL,
    status        text NOT NULL CHECK (status IN ('new', 'recurring')),
    PRIMARY KEY (insight_id, position),
    UNIQUE (insight_id, theme_id)
);
CREATE INDEX insight_themes_of_theme ON insight_themes (theme_id);

-- Each call of an insight's pool, once: in a theme, unassigned, or a suspected judge error.
CREATE TABLE insight_calls (
    insight_id bigint NOT NULL REFERENCES insights ON DELETE CASCADE,
    call_id    text NOT NULL,
    position   smallint,
    -- Of suspected judge errors only.
    turn       integer CHECK (turn >= 0),
    quote      text,
    reason     text,
    PRIMARY KEY (insight_id, call_id),
    FOREIGN KEY (insight_id, position) REFERENCES insight_themes (insight_id, position),
    CHECK (position IS NULL OR reason IS NULL)
);

CREATE TABLE insight_evidence (
    insight_id bigint NOT NULL,
    position   smallint NOT NULL,
    ordinal    smallint NOT NULL,
    call_id    text NOT NULL,
    -- The turn of the transcript that holds the quote; null: the judge's own words.
    turn       integer CHECK (turn >= 0),
    quote      text NOT NULL CHECK (quote <> ''),
    PRIMARY KEY (insight_id, position, ordinal),
    FOREIGN KEY (insight_id, position) REFERENCES insight_themes (insight_id, position) ON DELETE CASCADE,
    FOREIGN KEY (insight_id, call_id) REFERENCES insight_calls (insight_id, call_id) ON DELETE CASCADE
);

-- The key itself is shown once and never stored; key_hash is its SHA-256.
CREATE TABLE api_keys (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL UNIQUE CHECK (name <> ''),
    key_hash     bytea NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    all_projects boolean NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    revoked_at   timestamptz
);

CREATE TABLE api_key_projects (
    key_id     integer NOT NULL REFERENCES api_keys ON DELETE CASCADE,
    project_id integer NOT NULL REFERENCES projects ON DELETE CASCADE,
    PRIMARY KEY (key_id, project_id)
);
