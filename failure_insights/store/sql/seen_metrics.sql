-- The metric cards of these projects, or only the one of that ID, or those with results of an
-- agent's calls.
SELECT metric.id, metric.project_id, metric.name, metric.slug, metric.type, metric.prompt,
       metric.description, metric.pass_rule, metric.score_type, metric.is_eligible, metric.about,
       metric.created_at, metric.updated_at, count(*) OVER () AS total
  FROM metrics AS metric
 WHERE metric.project_id = ANY(CAST(:project_ids AS integer[]))
   AND (CAST(:metric_id AS bigint) IS NULL OR metric.id = :metric_id)
   AND (CAST(:agent_id AS bigint) IS NULL
        OR EXISTS (SELECT FROM calls AS call
                     JOIN metric_results AS result
                       ON result.call_pk = call.id AND result.metric_id = metric.id
                    WHERE call.agent_id = :agent_id))
 ORDER BY metric.project_id, metric.name
 LIMIT :limit OFFSET :offset
