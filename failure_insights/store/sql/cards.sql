-- For each eligible metric of a project, or one of them: the insight its card shows (of those
-- that are done the one that looks at the latest window, so that a backfilled day never hides
-- today), the audit that is open, and the failed one since. Served by done_insights,
-- open_insights and failed_insights; unjudged results are counted by the index of that name.
SELECT metric.id, metric.slug, metric.name, metric.description, metric.pass_rule,
       (SELECT count(*)
          FROM (SELECT FROM metric_results AS result
                 WHERE result.metric_id = metric.id AND result.passed IS NULL
                 LIMIT :most_unjudged) AS few) AS unjudged,
       done.id AS done_id,
       open.id AS open_id, open.status AS open_status, open.trigger AS open_trigger,
       coalesce(open.started_at, open.created_at) AS open_since,
       open.dagster_run_id AS open_run_id,
       CAST(extract(epoch FROM now() - open.created_at) AS float) AS open_age,
       failed.id AS failed_id, failed.error_message AS failed_reason,
       failed.finished_at AS failed_at, failed.dagster_run_id AS failed_run_id
  FROM metrics AS metric
  LEFT JOIN LATERAL (
       SELECT id, window_end, finished_at
         FROM insights
        WHERE metric_id = metric.id AND status IN ('succeeded', 'skipped_not_enough_data')
        ORDER BY window_end DESC, id DESC
        LIMIT 1) AS done ON true
  LEFT JOIN LATERAL (
       SELECT id, status, trigger, created_at, started_at, dagster_run_id
         FROM insights
        WHERE metric_id = metric.id AND status IN ('pending', 'running')
        ORDER BY id DESC
        LIMIT 1) AS open ON true
  LEFT JOIN LATERAL (
       SELECT id, error_message, finished_at, dagster_run_id
         FROM insights
        WHERE metric_id = metric.id AND status = 'failed'
        ORDER BY id DESC
        LIMIT 1) AS failed ON failed.id > coalesce(done.id, 0)
 WHERE metric.project_id = :project_id
   AND metric.is_eligible
   AND (CAST(:slug AS text) IS NULL OR metric.slug = :slug)
 ORDER BY metric.name
