-- Ends the open rows of audits whose pools are too small to say anything.
UPDATE insights AS insight
   SET status = 'skipped_not_enough_data', message = :message, date = audit.date,
       window_end = audit.window_end, window_days = audit.window_days,
       num_failing_calls = audit.failing, num_calls_analyzed = 0,
       started_at = coalesce(insight.started_at, now()),
       finished_at = clock_timestamp(), updated_at = clock_timestamp()
  FROM unnest(CAST(:ids AS bigint[]), CAST(:dates AS date[]), CAST(:ends AS timestamptz[]),
              CAST(:days AS integer[]), CAST(:failing AS integer[]))
       AS audit(id, date, window_end, window_days, failing)
 WHERE insight.id = audit.id
   AND insight.status IN ('pending', 'running')
