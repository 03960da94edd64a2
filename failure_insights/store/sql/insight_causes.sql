-- The causes of these insights by theme, largest first; position null: those of no theme.
SELECT cause.insight_id, cause.position, cause.cause_id, cause.title, cause.status,
       array_agg(member.call_id ORDER BY member.call_id) AS call_ids
  FROM insight_causes AS cause
  JOIN insight_calls AS member
    ON member.insight_id = cause.insight_id AND member.cause = cause.ordinal
 WHERE cause.insight_id = ANY(CAST(:ids AS bigint[]))
 GROUP BY cause.insight_id, cause.ordinal
 ORDER BY cause.insight_id, cause.position, count(*) DESC, cause.ordinal
