-- What a project, or one of its metrics, is told of, and to where. Addresses hold secrets, so they
-- stay in the environment: address_env and secret_env are the names of their variables.
CREATE TABLE alert_rules (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id  integer NOT NULL REFERENCES projects ON DELETE CASCADE,
    -- Null: all of its metrics.
    metric_id   integer REFERENCES metrics ON DELETE CASCADE,
    name        text NOT NULL CHECK (name <> ''),
    kind        text NOT NULL CHECK (kind IN
        ('new_theme', 'growing', 'regressed', 'audit_failed', 'no_audit', 'digest')),
    -- The numbers of its kind.
    params      jsonb NOT NULL DEFAULT '{}',
    channel     text NOT NULL CHECK (channel IN ('apprise', 'webhook')),
    address_env text NOT NULL CHECK (address_env ~ '^ALERT_[A-Z0-9_]+$'),
    secret_env  text CHECK (secret_env ~ '^ALERT_[A-Z0-9_]+$'),
    enabled     boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- What ended before this has been looked at.
    checked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (channel = 'webhook' OR secret_env IS NULL),
    UNIQUE (project_id, name)
);

-- The outbox. A message that is waiting is sent when next_at has come; one that is being sent is
-- its sender's until then, and anybody's afterwards.
CREATE TABLE alert_messages (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule_id    integer NOT NULL REFERENCES alert_rules ON DELETE CASCADE,
    title      text NOT NULL,
    body       text NOT NULL,
    payload    jsonb NOT NULL,
    status     text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'sent', 'given_up')),
    attempts   integer NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_error text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at    timestamptz,
    CHECK ((status = 'sent') = (sent_at IS NOT NULL))
);
CREATE INDEX waiting_messages ON alert_messages (next_at) WHERE status = 'waiting';
CREATE INDEX messages_of_rule ON alert_messages (rule_id, id DESC);

-- What a rule has told already, so that nothing is told twice.
CREATE TABLE alert_events (
    rule_id    integer NOT NULL REFERENCES alert_rules ON DELETE CASCADE,
    key        text NOT NULL,
    message_id bigint NOT NULL REFERENCES alert_messages ON DELETE CASCADE,
    PRIMARY KEY (rule_id, key)
);
CREATE INDEX events_of_message ON alert_events (message_id);

-- What ended lately, which rules look at.
CREATE INDEX insights_by_end ON insights (finished_at) WHERE finished_at IS NOT NULL;
