-- Where a batch is copied to; both are gone when its transaction ends.
CREATE TEMPORARY TABLE incoming_calls (
    project_id integer, agent_id integer, call_id text, started_at timestamptz,
    duration_s double precision, ended_reason text, metadata jsonb, digest bytea, turns jsonb
) ON COMMIT DROP;
CREATE TEMPORARY TABLE incoming_results (
    project_id integer, call_id text, metric_id integer, passed boolean, score jsonb,
    explanation text, by_rule boolean
) ON COMMIT DROP
