-- The mean length of a transcript of each metric's newest failing calls, in characters of its JSON.
-- Served by failing_results.
SELECT metric.id AS metric_id, avg(length(CAST(transcript.turns AS text))) AS characters
  FROM unnest(CAST(:metric_ids AS integer[])) AS metric(id)
 CROSS JOIN LATERAL (
       SELECT call_pk
         FROM metric_results
        WHERE metric_id = metric.id AND NOT passed AND started_at < :before
        ORDER BY started_at DESC
        LIMIT :most) AS newest
  JOIN transcripts AS transcript USING (call_pk)
 GROUP BY metric.id
