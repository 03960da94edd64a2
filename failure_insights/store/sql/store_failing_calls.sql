-- Keeps what failing_calls found for one partition, in place of what an earlier run found.
INSERT INTO failing_call_sets
       (date, project_metric, window_end, window_days, calls, dagster_run_id)
VALUES (:date, :project_metric, :window_end, :window_days, :calls, :run_id)
    ON CONFLICT (date, project_metric) DO UPDATE
   SET window_end = EXCLUDED.window_end, window_days = EXCLUDED.window_days,
       calls = EXCLUDED.calls, dagster_run_id = EXCLUDED.dagster_run_id, stored_at = now()
