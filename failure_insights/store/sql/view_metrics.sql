-- The metrics that have results of calls of the view's agents.
SELECT metric.id
  FROM metrics AS metric
 WHERE metric.project_id = :project_id
   AND EXISTS (SELECT 1
                 FROM view_agents AS member
                 JOIN calls AS call ON call.agent_id = member.agent_id
                 JOIN metric_results AS result
                   ON result.call_pk = call.id AND result.metric_id = metric.id
                WHERE member.view_id = :view_id)
