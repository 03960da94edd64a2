-- Insights of a run that name a call outside the set that it audited (see load_failing_calls).
SELECT insight.id
  FROM insights AS insight
 CROSS JOIN LATERAL (
       SELECT calls
         FROM failing_call_sets
        WHERE project_metric = insight.project_metric AND date = insight.date
        ORDER BY array_position(CAST(:run_ids AS text[]), dagster_run_id), stored_at DESC
        LIMIT 1) AS kept
 WHERE insight.dagster_run_id = (CAST(:run_ids AS text[]))[1]
   AND insight.status = 'succeeded'
   AND EXISTS (SELECT member.call_id FROM insight_calls AS member WHERE member.insight_id = insight.id
               EXCEPT
               SELECT call ->> 'call_id' FROM jsonb_array_elements(kept.calls) AS call)
