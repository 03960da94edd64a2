-- The kept sets of these partitions, in the order asked; one that was never made is left out.
SELECT kept.date, kept.project_metric, kept.window_end, kept.window_days, kept.calls
  FROM unnest(CAST(:dates AS date[]), CAST(:pairs AS text[]))
       WITH ORDINALITY AS asked(date, project_metric, ordinal)
  JOIN failing_call_sets AS kept USING (date, project_metric)
 ORDER BY asked.ordinal
