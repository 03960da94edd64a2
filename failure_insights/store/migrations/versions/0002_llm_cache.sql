-- Answers that were paid for. The key is a hash of everything that could change the answer.
CREATE TABLE llm_cache (
    key         text PRIMARY KEY,
    stage       text NOT NULL,
    value       jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- What an endpoint's model was found to understand; older than a day, it is found out anew.
CREATE TABLE llm_capabilities (
    base_url   text NOT NULL,
    model      text NOT NULL,
    facts      jsonb NOT NULL,
    probed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (base_url, model)
);
