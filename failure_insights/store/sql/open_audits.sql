-- The pending rows of a run's pairs, in one statement; IDs come back in the order given.
WITH asked AS (
    SELECT *
      FROM unnest(CAST(:project_metrics AS text[]), CAST(:metric_ids AS integer[]),
                  CAST(:metric_names AS text[]), CAST(:dates AS date[]),
                  CAST(:triggers AS text[]), CAST(:window_days AS integer[]),
                  CAST(:max_calls AS integer[]))
           WITH ORDINALITY
           AS pair(project_metric, metric_id, metric_name, date, trigger,
                   window_days, max_calls, ordinal)
)
INSERT INTO insights (project_metric, metric_id, metric_name, date, trigger,
                      requested_window_days, max_calls, dagster_run_id, heartbeat_at)
SELECT project_metric, metric_id, metric_name, date, trigger, window_days, max_calls,
       :run_id, now()
  FROM asked
 ORDER BY ordinal
RETURNING id
