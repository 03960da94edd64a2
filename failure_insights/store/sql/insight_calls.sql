-- The calls of these insights, each with the group that it is in.
SELECT member.insight_id, member.bucket, member.position, member.call_id,
       member.turn, member.quote, member.reason, member.finding
  FROM insight_calls AS member
 WHERE member.insight_id = ANY(CAST(:ids AS bigint[]))
 ORDER BY member.insight_id, member.position, member.call_id
