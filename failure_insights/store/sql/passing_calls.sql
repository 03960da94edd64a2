-- Calls of the window that passed the metric, newest first. Served by the index passing_results.
SELECT call.call_id, agent.name AS agent, result.started_at, result.score, result.explanation
  FROM metric_results AS result
  JOIN calls AS call ON call.id = result.call_pk
  JOIN agents AS agent ON agent.id = call.agent_id
 WHERE result.metric_id = :metric_id
   AND result.passed
   AND result.started_at >= :window_start
   AND result.started_at < :window_end
 ORDER BY result.started_at DESC, call.call_id
 LIMIT :limit
