-- A new request; no row where the same one is open, by the index one_open_request.
INSERT INTO insights (project_metric, metric_id, metric_name, requested_window_days, max_calls)
VALUES (:project_metric, :metric_id, :metric_name, :window_days, :max_calls)
    ON CONFLICT (project_metric, coalesce(requested_window_days, 0), coalesce(max_calls, 0))
       WHERE status IN ('pending', 'running') AND trigger = 'request'
    DO NOTHING
RETURNING id
