-- A cookie that was copied before its owner signed out opens nothing afterwards.
CREATE TABLE ended_sessions (
    id       text PRIMARY KEY CHECK (id <> ''),
    ended_at timestamptz NOT NULL DEFAULT now()
);
