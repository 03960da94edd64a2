-- The calls of these insights by theme; position 0 holds those of no theme.
SELECT member.insight_id, coalesce(member.position, 0) AS position, member.call_id,
       member.turn, member.quote, member.reason
  FROM insight_calls AS member
 WHERE member.insight_id = ANY(CAST(:ids AS bigint[]))
 ORDER BY member.insight_id, member.position, member.call_id
