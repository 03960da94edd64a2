-- What each metric's judge said of a call.
SELECT metric.id AS metric_id, metric.name, metric.type, result.passed, result.score, result.explanation
  FROM calls AS call
  JOIN metric_results AS result ON result.call_pk = call.id
  JOIN metrics AS metric ON metric.id = result.metric_id
 WHERE call.project_id = :project_id AND call.call_id = :call_id
 ORDER BY metric.name
