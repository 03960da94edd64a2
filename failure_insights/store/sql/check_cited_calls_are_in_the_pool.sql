-- Insights of a run that name a call outside the set kept for their partition.
SELECT DISTINCT insight.id
  FROM insights AS insight
  JOIN insight_calls AS member ON member.insight_id = insight.id
  JOIN failing_call_sets AS kept
    ON kept.date = insight.date AND kept.project_metric = insight.project_metric
 WHERE insight.dagster_run_id = :run_id
   AND insight.status = 'succeeded'
   AND member.call_id NOT IN (SELECT call ->> 'call_id' FROM jsonb_array_elements(kept.calls) AS call)
