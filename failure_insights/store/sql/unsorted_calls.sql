-- For each eligible metric whose newest audit is the agent's and of the last days: the failing calls
-- that began after its window and are not sorted yet, the oldest first, :most of a metric. Served by
-- done_insights and failing_results.
SELECT newest.id AS insight_id, newest.metric_id, project.slug AS project, metric.slug AS metric,
       call.call_id, agent.name AS agent, result.started_at, result.explanation
  FROM metrics AS metric
  JOIN projects AS project ON project.id = metric.project_id
 CROSS JOIN LATERAL (
       SELECT id, metric_id, status, auditor, window_end
         FROM insights
        WHERE metric_id = metric.id AND status IN ('succeeded', 'skipped_not_enough_data')
        ORDER BY window_end DESC, id DESC
        LIMIT 1) AS newest
 CROSS JOIN LATERAL (
       SELECT call_pk, started_at, explanation
         FROM metric_results AS failing
        WHERE failing.metric_id = metric.id
          AND NOT failing.passed
          AND failing.started_at >= newest.window_end
          AND NOT EXISTS (SELECT FROM sorted_calls AS sorted JOIN calls ON calls.call_id = sorted.call_id
                           WHERE sorted.insight_id = newest.id AND calls.id = failing.call_pk)
        ORDER BY failing.started_at
        LIMIT :most) AS result
  JOIN calls AS call ON call.id = result.call_pk
  JOIN agents AS agent ON agent.id = call.agent_id
 WHERE metric.is_eligible
   AND newest.status = 'succeeded' AND newest.auditor = 'agent'
   AND newest.window_end >= :since
 ORDER BY metric.id, result.started_at, call.call_id
