-- The quotes of each theme of these insights, in their order.
SELECT insight_id, position, call_id, turn, quote
  FROM insight_evidence
 WHERE insight_id = ANY(CAST(:ids AS bigint[]))
 ORDER BY insight_id, position, ordinal
