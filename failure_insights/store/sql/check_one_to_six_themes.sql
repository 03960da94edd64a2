-- Insights of a run that show no theme (nor another finding) or more than six.
SELECT insight.id
  FROM insights AS insight
 WHERE insight.dagster_run_id = (CAST(:run_ids AS text[]))[1]
   AND insight.status = 'succeeded'
   AND (SELECT count(*) FROM insight_themes AS shown WHERE shown.insight_id = insight.id)
       NOT BETWEEN 1 AND 6
   AND NOT EXISTS (SELECT FROM insight_calls AS member
                    WHERE member.insight_id = insight.id
                      AND member.bucket IN ('other_cause', 'judge_error', 'metric_finding'))
