-- The metric results of these calls.
SELECT call.project_id, call.call_id, result.metric_id, result.passed, result.by_rule,
       result.score, result.explanation
  FROM unnest(CAST(:project_ids AS integer[]), CAST(:call_ids AS text[])) AS asked(project_id, call_id)
  JOIN calls AS call USING (project_id, call_id)
  JOIN metric_results AS result ON result.call_pk = call.id
