-- The newest audit of a metric that read calls and looked at no later window: its calls, and its
-- sample. Served by insights_of_metric.
SELECT (SELECT coalesce(array_agg(member.call_id), '{}')
          FROM insight_calls AS member
         WHERE member.insight_id = insight.id) AS pool,
       ARRAY(SELECT jsonb_array_elements_text(insight.provenance -> 'sample')) AS read
  FROM insights AS insight
 WHERE insight.metric_id = :metric_id
   AND insight.status = 'succeeded'
   AND insight.auditor = 'agent'
   AND insight.window_end <= :window_end
 ORDER BY insight.window_end DESC, insight.id DESC
 LIMIT 1
