-- Writes the results of incoming_results that are new or differ from what is stored, and returns
-- the calls that have any.
WITH changed AS (
    INSERT INTO metric_results (metric_id, call_pk, project_id, started_at, passed, score,
                                explanation)
    SELECT incoming.metric_id, call.id, call.project_id, call.started_at, incoming.passed,
           incoming.score, incoming.explanation
      FROM incoming_results AS incoming
      JOIN calls AS call USING (project_id, call_id)
      LEFT JOIN metric_results AS old
             ON old.call_pk = call.id AND old.metric_id = incoming.metric_id
     WHERE old.call_pk IS NULL
        OR (old.passed, old.score, old.explanation)
           IS DISTINCT FROM (incoming.passed, incoming.score, incoming.explanation)
     ORDER BY call.id, incoming.metric_id
        ON CONFLICT (call_pk, metric_id) DO UPDATE
       SET passed = excluded.passed, score = excluded.score, explanation = excluded.explanation
 RETURNING call_pk
)
SELECT DISTINCT call.project_id, call.call_id
  FROM changed
  JOIN calls AS call ON call.id = changed.call_pk
