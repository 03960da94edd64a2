-- For each eligible metric of a project: the newest audit of a date that is done, or else the newest
-- of that date. Served by insights_of_metric.
SELECT metric.slug, metric.name, audit.id, audit.status, audit.num_failing_calls, audit.auditor,
       audit.degraded, audit.window_days
  FROM metrics AS metric
  LEFT JOIN LATERAL (
       SELECT id, status, num_failing_calls, auditor, degraded, window_days
         FROM insights
        WHERE metric_id = metric.id AND date = :day
        ORDER BY status IN ('succeeded', 'skipped_not_enough_data') DESC, id DESC
        LIMIT 1) AS audit ON true
 WHERE metric.project_id = :project_id AND metric.is_eligible
 ORDER BY metric.name
