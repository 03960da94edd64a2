-- The API's columns of these insights, without their themes and calls.
SELECT insight.id,
       split_part(insight.project_metric, '/', 1) AS project,
       project.id AS project_id, insight.metric_id,
       insight.metric_name, insight.status, insight.trigger, insight.date,
       insight.window_end - make_interval(days => insight.window_days) AS window_start,
       insight.window_end,
       coalesce(insight.window_days, insight.requested_window_days) AS window_days,
       insight.max_calls, insight.num_failing_calls, insight.num_calls_analyzed,
       insight.num_evaluated_calls, insight.num_confirmed_errors, insight.cost,
       insight.auditor, insight.degraded, insight.paused, insight.model, insight.usage,
       insight.message, insight.error_message,
       CAST(extract(epoch FROM insight.finished_at - insight.started_at) AS float)
           AS duration_seconds,
       insight.dagster_run_id, insight.created_at, insight.updated_at
  FROM insights AS insight
  LEFT JOIN projects AS project ON project.slug = split_part(insight.project_metric, '/', 1)
 WHERE insight.id = ANY(CAST(:ids AS bigint[]))
