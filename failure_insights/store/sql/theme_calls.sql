-- The calls of a project's themes by theme and agent, newest first. A call of a metric that several
-- audits read counts once: where the newest of them put it. Themes are as people left them: under
-- the title that they gave, merged ones together, and dismissed ones not at all.
WITH placed AS (
    SELECT DISTINCT ON (insight.metric_id, member.call_id)
           insight.metric_id, member.call_id, coalesce(own.merged_into, own.theme_id) AS theme_id
      FROM insights AS insight
      JOIN insight_calls AS member ON member.insight_id = insight.id
      LEFT JOIN insight_themes AS shown
        ON shown.insight_id = insight.id AND shown.position = member.position
      LEFT JOIN themes AS own ON own.theme_id = shown.theme_id
     WHERE split_part(insight.project_metric, '/', 1) = :project
       AND insight.status = 'succeeded'
       AND (CAST(:metric_id AS bigint) IS NULL OR insight.metric_id = :metric_id)
     ORDER BY insight.metric_id, member.call_id, insight.id DESC
)
SELECT theme.theme_id, coalesce(theme.given_title, theme.title) AS title, theme.description, metric.id AS metric_id,
       metric.name AS metric_name, agent.id AS agent_id, agent.name AS agent,
       array_agg(call.id ORDER BY call.started_at DESC) AS call_numbers
  FROM placed
  JOIN themes AS theme ON theme.theme_id = placed.theme_id AND theme.state <> 'dismissed'
  JOIN metrics AS metric ON metric.id = placed.metric_id
  JOIN calls AS call ON call.project_id = metric.project_id AND call.call_id = placed.call_id
  JOIN agents AS agent ON agent.id = call.agent_id
 WHERE (CAST(:theme_id AS text) IS NULL OR theme.theme_id = :theme_id)
   AND (CAST(:start AS timestamptz) IS NULL OR call.started_at >= :start)
   AND (CAST(:end AS timestamptz) IS NULL OR call.started_at < :end)
   AND (CAST(:agent_ids AS integer[]) IS NULL OR agent.id = ANY(:agent_ids))
 GROUP BY theme.theme_id, metric.id, agent.id
