-- The open rows of a run's partitions: those that are there, and new ones, which are pending. The
-- metric is read again under a lock, for it may have been deleted meanwhile.
WITH asked AS (
    SELECT *
      FROM unnest(CAST(:project_metrics AS text[]), CAST(:metric_ids AS integer[]),
                  CAST(:metric_names AS text[]), CAST(:dates AS date[]),
                  CAST(:triggers AS text[]), CAST(:window_days AS integer[]),
                  CAST(:max_calls AS integer[]))
           WITH ORDINALITY
           AS pair(project_metric, metric_id, metric_name, date, trigger,
                   window_days, max_calls, ordinal)
), known AS (
    SELECT id, project_metric, date
      FROM insights
     WHERE dagster_run_id = :run_id AND status IN ('pending', 'running')
), made AS (
    INSERT INTO insights (project_metric, metric_id, metric_name, date, trigger,
                          requested_window_days, max_calls, dagster_run_id, heartbeat_at)
    SELECT project_metric,
           (SELECT id FROM metrics WHERE id = asked.metric_id FOR KEY SHARE),
           metric_name, date, trigger, window_days, max_calls, :run_id, now()
      FROM asked
     WHERE NOT EXISTS (SELECT FROM known
                        WHERE known.project_metric = asked.project_metric
                          AND known.date = asked.date)
     ORDER BY ordinal
 RETURNING id, project_metric, date
)
SELECT row.id
  FROM asked
  JOIN (SELECT * FROM known UNION ALL SELECT * FROM made) AS row USING (project_metric, date)
 ORDER BY asked.ordinal
