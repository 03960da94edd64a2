-- Insights of a run whose groups of calls are not the pool.
SELECT insight.id
  FROM insights AS insight
  LEFT JOIN insight_calls AS member ON member.insight_id = insight.id
 WHERE insight.dagster_run_id = (CAST(:run_ids AS text[]))[1]
   AND insight.status = 'succeeded'
 GROUP BY insight.id
HAVING count(member.call_id) <> insight.num_failing_calls
