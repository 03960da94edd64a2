-- A store as release 0.1.0 fills it: every table has rows, insights are in every status. Never
-- edited, like the migrations that it was made with. IDs are given, so that rows can name them.
SET search_path TO failure_insights;

INSERT INTO projects (id, slug, name) OVERRIDING SYSTEM VALUE VALUES
    (1, 'clinic', 'Clinic'), (2, 'shoe-shop', 'Shoe Shop');
INSERT INTO agents (id, project_id, name) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 'front-desk'), (2, 1, 'after-hours'), (3, 2, 'hotline');
INSERT INTO views (id, project_id, slug, name) OVERRIDING SYSTEM VALUE VALUES (1, 1, 'night', 'Night');
INSERT INTO view_agents (view_id, agent_id, project_id) VALUES (1, 2, 1);
INSERT INTO metrics (id, project_id, slug, name, type, prompt, description, pass_rule, score_type, is_eligible)
OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 'expected-outcome', 'Expected Outcome', 'llm_judge', 'Was it booked?', '', '>= 1', 'binary', true),
    (2, 1, 'latency', 'Latency', 'custom_code', '', 'Seconds to the first word', '< 2', 'number', false),
    (3, 2, 'csat', 'CSAT', 'llm_judge', '', '', NULL, 'rating', true);

INSERT INTO calls (id, project_id, agent_id, call_id, started_at, duration_s, ended_reason, metadata, digest)
OVERRIDING SYSTEM VALUE
SELECT number, 1, 1 + mod(number, 2), 'c-' || number, timestamptz '2026-11-20 08:00Z' + number * interval '1 hour',
       61.5, 'customer-ended-call', '{"language": "en"}'::jsonb, decode(md5(number::text), 'hex')
  FROM generate_series(1, 6) AS number
UNION ALL
SELECT 7, 2, 3, 'Größe 43/2', '2026-11-20 09:00Z', NULL, NULL, '{}'::jsonb, '\x00'::bytea;
INSERT INTO transcripts (call_pk, turns)
SELECT id, jsonb_build_array(
           jsonb_build_object('role', 'agent', 'content', 'How can I help?', 'start_s', 0.4),
           jsonb_build_object('role', 'user', 'content', 'My appointment, please: ' || call_id),
           jsonb_build_object('role', 'tool_call', 'tool_name', 'find', 'content', '{"name": "Ada"}'))
  FROM calls;
INSERT INTO metric_results (metric_id, call_pk, project_id, started_at, passed, score, explanation)
SELECT metric.id, call.id, call.project_id, call.started_at, metric.id = 2,
       CASE metric.id WHEN 2 THEN '1.25'::jsonb ELSE '0'::jsonb END,
       CASE metric.id WHEN 2 THEN '' ELSE 'The appointment of ' || call.call_id || ' was not moved.' END
  FROM calls AS call JOIN metrics AS metric USING (project_id);

INSERT INTO failing_call_sets (project_metric, date, dagster_run_id, window_end, window_days, calls) VALUES
    ('clinic/expected-outcome', '2026-11-20', 'run-1', '2026-11-21 06:00Z', 1,
     '[{"call_id": "c-1", "explanation": "The appointment of c-1 was not moved."}]');
INSERT INTO insights
    (id, project_metric, metric_id, metric_name, date, status, trigger, requested_window_days, max_calls,
     window_end, window_days, num_failing_calls, num_calls_analyzed, auditor, degraded, model, usage, provenance,
     message, error_message, dagster_run_id, started_at, heartbeat_at, finished_at)
OVERRIDING SYSTEM VALUE VALUES
    (1, 'clinic/expected-outcome', 1, 'Expected Outcome', '2026-11-20', 'succeeded', 'schedule', NULL, NULL,
     '2026-11-21 06:00Z', 1, 6, 4, 'agent', false, 'gpt-5-mini',
     '{"requests": 9, "input_tokens": 12000, "output_tokens": 900, "cached": 3}', '{"prompts": "a1"}',
     '', '', 'run-1', '2026-11-21 06:00Z', '2026-11-21 06:01Z', '2026-11-21 06:02Z'),
    (2, 'clinic/expected-outcome', 1, 'Expected Outcome', '2026-11-21', 'failed', 'backfill', NULL, NULL,
     '2026-11-22 06:00Z', 1, NULL, NULL, NULL, false, NULL, '{}', '{}',
     '', 'The endpoint refused the key.', 'run-2', '2026-11-22 06:00Z', NULL, '2026-11-22 06:00Z'),
    (3, 'shoe-shop/csat', 3, 'CSAT', '2026-11-20', 'skipped_not_enough_data', 'manual', NULL, 200,
     '2026-11-20 12:00Z', 7, 1, NULL, NULL, false, NULL, '{}', '{}',
     'Not enough metric failure instances in last 7 days.', '', 'run-3', '2026-11-20 12:00Z', NULL, '2026-11-20 12:00Z'),
    (4, 'clinic/expected-outcome', 1, 'Expected Outcome', NULL, 'pending', 'request', 30, 500,
     NULL, NULL, NULL, NULL, NULL, false, NULL, '{}', '{}', '', '', NULL, NULL, NULL, NULL),
    (5, 'shoe-shop/csat', 3, 'CSAT', '2026-11-22', 'running', 'schedule', NULL, NULL,
     '2026-11-23 06:00Z', 1, NULL, NULL, NULL, false, NULL, '{}', '{}',
     '', '', 'run-5', '2026-11-23 06:00Z', '2026-11-23 06:00Z', NULL);
INSERT INTO themes (theme_id, project_metric, title, description, criterion, origin) VALUES
    ('th_0123456789ab', 'clinic/expected-outcome', 'Appointment not moved', 'It stays.', 'It was asked for.', 'agent_reasoning'),
    ('th_ba9876543210', 'clinic/expected-outcome', 'Calendar timed out', 'No answer.', 'A tool failed.', 'tool_or_integration');
INSERT INTO theme_history (theme_id, date, insight_id, count, terms) VALUES
    ('th_0123456789ab', '2026-11-20', 1, 3, '{"appointment": 0.8}'),
    ('th_ba9876543210', '2026-11-20', 1, 1, '{}');
INSERT INTO insight_themes (insight_id, position, theme_id, title, description, origin, suggested_fix, status) VALUES
    (1, 1, 'th_0123456789ab', 'Appointment not moved', 'It stays.', 'agent_reasoning', 'Move it.', 'new'),
    (1, 2, 'th_ba9876543210', 'Calendar timed out', 'No answer.', 'tool_or_integration', '', 'recurring');
INSERT INTO insight_calls (insight_id, call_id, position, turn, quote, reason) VALUES
    (1, 'c-1', 1, NULL, NULL, NULL), (1, 'c-2', 1, NULL, NULL, NULL), (1, 'c-3', 1, NULL, NULL, NULL),
    (1, 'c-4', 2, NULL, NULL, NULL), (1, 'c-5', NULL, NULL, NULL, NULL),
    (1, 'c-6', NULL, 1, 'My appointment, please: c-6', 'It was moved.');
INSERT INTO insight_evidence (insight_id, position, ordinal, call_id, turn, quote) VALUES
    (1, 1, 0, 'c-1', 1, 'My appointment, please: c-1'),
    (1, 2, 0, 'c-4', NULL, 'The appointment of c-4 was not moved.');

INSERT INTO api_keys (id, name, key_hash, all_projects, revoked_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 'ci', sha256('fi_1_0123456789abcdef0123456789abcdef0123456789a'), false, NULL),
    (2, 'old', sha256('fi_2_0123456789abcdef0123456789abcdef0123456789a'), true, '2026-11-20 00:00Z');
INSERT INTO api_key_projects (key_id, project_id) VALUES (1, 1);
INSERT INTO llm_cache (key, stage, value) VALUES ('0a1b', 'note', '{"cause": "It was not moved."}');
INSERT INTO llm_capabilities (base_url, model, facts) VALUES ('http://llm', 'gpt-5-mini', '{"json_schema": true}');
