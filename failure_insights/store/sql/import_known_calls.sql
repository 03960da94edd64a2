-- The calls of these that are in the store: the digest of what they say, and whether any metric
-- has a result of them.
SELECT call.project_id, call.call_id, call.digest,
       EXISTS (SELECT FROM metric_results AS result WHERE result.call_pk = call.id) AS has_results
  FROM unnest(CAST(:project_ids AS integer[]), CAST(:call_ids AS text[])) AS asked(project_id, call_id)
  JOIN calls AS call USING (project_id, call_id)
