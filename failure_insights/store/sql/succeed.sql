-- Ends an open row with its findings; the themes and calls are written in the same transaction.
UPDATE insights
   SET status = 'succeeded', date = :date, window_end = :window_end, window_days = :window_days,
       num_failing_calls = :num_failing_calls, num_calls_analyzed = :num_calls_analyzed,
       auditor = :auditor, degraded = :degraded, model = :model, usage = :usage,
       provenance = :provenance, message = :message,
       finished_at = clock_timestamp(), updated_at = clock_timestamp()
 WHERE id = :id AND status IN ('pending', 'running')
