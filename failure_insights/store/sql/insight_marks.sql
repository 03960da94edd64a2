-- What people said of the results that these insights doubt: suspected judge errors and findings
-- about the metric.
SELECT member.insight_id, member.call_id, mark.verdict
  FROM insight_calls AS member
  JOIN insights AS insight ON insight.id = member.insight_id
  JOIN metrics AS metric ON metric.id = insight.metric_id
  JOIN calls AS call ON call.project_id = metric.project_id AND call.call_id = member.call_id
  JOIN result_marks AS mark
    ON mark.call_pk = call.id AND mark.metric_id = metric.id AND mark.is_current
 WHERE member.insight_id = ANY(CAST(:ids AS bigint[]))
   AND member.bucket IN ('judge_error', 'metric_finding')
   AND mark.verdict IS NOT NULL
