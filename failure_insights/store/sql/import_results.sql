-- Writes the results of incoming_results, new ones and changed ones.
INSERT INTO metric_results (metric_id, call_pk, project_id, started_at, passed, score,
                            explanation, by_rule)
SELECT incoming.metric_id, call.id, call.project_id, call.started_at, incoming.passed,
       incoming.score, incoming.explanation, incoming.by_rule
  FROM incoming_results AS incoming
  JOIN calls AS call USING (project_id, call_id)
 ORDER BY call.id, incoming.metric_id
    ON CONFLICT (call_pk, metric_id) DO UPDATE
   SET passed = excluded.passed, score = excluded.score, explanation = excluded.explanation,
       by_rule = excluded.by_rule
