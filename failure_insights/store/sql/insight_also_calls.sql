-- The calls that count elsewhere, and where a theme of these insights is at work too.
SELECT insight_id, position, array_agg(call_id ORDER BY call_id) AS call_ids
  FROM insight_also_calls
 WHERE insight_id = ANY(CAST(:ids AS bigint[]))
 GROUP BY insight_id, position
