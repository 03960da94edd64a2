-- For each pair: its failing calls in the 24 hours before its time, counted up to :enough, as in
-- failing_calls. Served by failing_results and current_marks.
SELECT pair.ordinal,
       (SELECT count(*)
          FROM (SELECT 1
                  FROM metric_results AS result
                 WHERE result.metric_id = pair.metric_id
                   AND NOT result.passed
                   AND result.started_at >= pair.at - interval '1 day'
                   AND result.started_at < pair.at
                   AND NOT EXISTS (SELECT FROM result_marks AS mark
                                    WHERE mark.call_pk = result.call_pk
                                      AND mark.metric_id = result.metric_id
                                      AND mark.is_current AND mark.leaves_pools)
                 LIMIT :enough) AS few) AS failing
  FROM unnest(CAST(:metric_ids AS integer[]), CAST(:ats AS timestamptz[]))
       WITH ORDINALITY AS pair(metric_id, at, ordinal)
 ORDER BY pair.ordinal
