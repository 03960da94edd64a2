-- The calls of these insights; position is their theme's, null for those of no theme.
SELECT member.insight_id, member.position, member.call_id, member.turn, member.quote, member.reason
  FROM insight_calls AS member
 WHERE member.insight_id = ANY(CAST(:ids AS bigint[]))
 ORDER BY member.insight_id, member.position, member.call_id
