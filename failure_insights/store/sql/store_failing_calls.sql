-- Keeps what failing_calls found for one partition; a run that is resumed may find it anew.
INSERT INTO failing_call_sets
       (project_metric, date, dagster_run_id, window_end, window_days, calls)
VALUES (:project_metric, :date, :run_id, :window_end, :window_days, :calls)
    ON CONFLICT (project_metric, date, dagster_run_id) DO UPDATE
   SET window_end = EXCLUDED.window_end, window_days = EXCLUDED.window_days,
       calls = EXCLUDED.calls, stored_at = EXCLUDED.stored_at
