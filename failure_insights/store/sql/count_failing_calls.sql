-- How many failing calls each pair has in its own window [start, end). Served by failing_results.
SELECT pair.ordinal,
       (SELECT count(*)
          FROM metric_results AS result
         WHERE result.metric_id = pair.metric_id
           AND NOT result.passed
           AND result.started_at >= pair.window_start
           AND result.started_at < pair.window_end) AS failing
  FROM unnest(CAST(:metric_ids AS integer[]), CAST(:starts AS timestamptz[]),
              CAST(:ends AS timestamptz[]))
       WITH ORDINALITY AS pair(metric_id, window_start, window_end, ordinal)
 ORDER BY pair.ordinal
