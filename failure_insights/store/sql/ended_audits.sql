-- The audits of a project, or of one metric, that ended from a time on. Served by
-- insights_by_end.
SELECT audit.id, metric.id AS metric_id, metric.name AS metric_name, audit.date, audit.window_end,
       audit.finished_at, audit.status = 'failed' AS failed, audit.error_message, audit.degraded
  FROM insights AS audit
  JOIN metrics AS metric ON metric.id = audit.metric_id
 WHERE metric.project_id = :project_id
   AND (CAST(:metric_id AS integer) IS NULL OR metric.id = :metric_id)
   AND audit.finished_at >= :since
 ORDER BY audit.finished_at, audit.id
