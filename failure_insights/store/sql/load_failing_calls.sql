-- The kept sets of these partitions, in the order asked; one that was never made is left out.
-- Of several sets that of the first of these runs which made one, or else the newest.
SELECT asked.date, asked.project_metric, kept.window_end, kept.window_days, kept.calls
  FROM unnest(CAST(:dates AS date[]), CAST(:pairs AS text[]))
       WITH ORDINALITY AS asked(date, project_metric, ordinal)
 CROSS JOIN LATERAL (
       SELECT window_end, window_days, calls
         FROM failing_call_sets
        WHERE project_metric = asked.project_metric AND date = asked.date
        ORDER BY array_position(CAST(:run_ids AS text[]), dagster_run_id), stored_at DESC
        LIMIT 1) AS kept
 ORDER BY asked.ordinal
