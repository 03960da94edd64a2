-- The open request that the same request joins. Served by the index one_open_request.
SELECT id
  FROM insights
 WHERE project_metric = :project_metric
   AND coalesce(requested_window_days, 0) = coalesce(CAST(:window_days AS integer), 0)
   AND coalesce(max_calls, 0) = coalesce(CAST(:max_calls AS integer), 0)
   AND status IN ('pending', 'running')
   AND trigger = 'request'
