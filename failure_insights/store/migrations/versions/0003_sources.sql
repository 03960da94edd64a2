-- A source brings the calls of one project: `pull` is asked for new ones, `webhook` sends them.
-- Secrets stay in the environment; key_env and user_env are the names of their variables.
CREATE TABLE sources (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL UNIQUE CHECK (name <> '' AND name !~ '[|/,\[\]\s]'),
    kind          text NOT NULL CHECK (kind IN
        ('vapi', 'retell', 'elevenlabs', 'livekit', 'pipecat', 'cekura', 'langfuse', 'phoenix')),
    way           text NOT NULL CHECK (way IN ('pull', 'webhook')),
    project_id    integer NOT NULL REFERENCES projects ON DELETE CASCADE,
    -- The agent of all its calls; null: the one that each call names.
    agent         text CHECK (agent <> ''),
    key_env       text CHECK (key_env <> ''),
    user_env      text CHECK (user_env <> ''),
    base_url      text CHECK (base_url <> ''),
    -- The provider's assistant, agent, project or environment that is asked for; null: all.
    only_id       text CHECK (only_id <> ''),
    -- The end of a webhook's address.
    address       text UNIQUE CHECK (address <> ''),
    created_at    timestamptz NOT NULL DEFAULT now(),
    -- Where the first pull begins, and up to when everything has been brought.
    since         timestamptz,
    cursor_at     timestamptz,
    -- One process pulls at a time; a lease that was not renewed is free again.
    pulling_until timestamptz,
    -- What has come, and how the last delivery or pull ended.
    new_calls     bigint NOT NULL DEFAULT 0,
    updated_calls bigint NOT NULL DEFAULT 0,
    rejected      bigint NOT NULL DEFAULT 0,
    last_at       timestamptz,
    last_error    text NOT NULL DEFAULT '',
    CHECK ((way = 'webhook') = (address IS NOT NULL)),
    CHECK (way = 'webhook' OR since IS NOT NULL),
    CHECK (way = 'webhook' OR kind IN ('vapi', 'retell', 'elevenlabs', 'langfuse', 'phoenix')),
    CHECK (way = 'pull' OR kind IN ('vapi', 'retell', 'elevenlabs', 'livekit', 'cekura'))
);

-- What a pulled source has brought lately: an item whose fingerprint is the same has not changed,
-- so its details are not asked for again.
CREATE TABLE source_items (
    source_id   integer NOT NULL REFERENCES sources ON DELETE CASCADE,
    item_id     text NOT NULL,
    fingerprint text NOT NULL,
    seen_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source_id, item_id)
);
