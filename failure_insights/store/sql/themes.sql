-- A project's themes as people left them, or only these, or those of one metric: with the counts of
-- their days, what was merged into them counted with them, and the newest audit that shows each.
-- Served by themes_of_pair, merged_themes and the key of theme_history.
SELECT theme.theme_id, theme.project_metric, metric.name AS metric_name,
       coalesce(theme.given_title, theme.title) AS title, theme.description, theme.criterion,
       theme.origin, theme.state, theme.state_since, theme.dismissal_reason, theme.note,
       theme.owner, theme.link, theme.merged_into, merged.ids AS merged_theme_ids,
       days.first_seen, days.last_seen, days.last_call_at, days.insight_id, days.history,
       newest.suggested_fix, newest.severity, newest.severity_reason,
       (SELECT max(insight.date) FROM insights AS insight
         WHERE insight.metric_id = metric.id AND insight.status = 'succeeded') AS last_audited
  FROM themes AS theme
  JOIN projects AS project ON project.slug = split_part(theme.project_metric, '/', 1)
  LEFT JOIN metrics AS metric
    ON metric.project_id = project.id AND metric.slug = split_part(theme.project_metric, '/', 2)
 CROSS JOIN LATERAL (
       SELECT ARRAY(SELECT child.theme_id FROM themes AS child
                     WHERE child.merged_into = theme.theme_id
                     ORDER BY child.theme_id) AS ids) AS merged
 CROSS JOIN LATERAL (
       SELECT min(day.date) AS first_seen, max(day.date) AS last_seen,
              max(day.last_call_at) AS last_call_at,
              (array_agg(day.insight_id ORDER BY day.date DESC))[1] AS insight_id,
              coalesce(jsonb_object_agg(day.date, day.count)
                           FILTER (WHERE day.date IS NOT NULL), '{}') AS history
         FROM (SELECT date, max(insight_id) AS insight_id, sum(count) AS count,
                      max(last_call_at) AS last_call_at
                 FROM theme_history
                WHERE theme_id = ANY(theme.theme_id || merged.ids)
                GROUP BY date) AS day) AS days
  LEFT JOIN LATERAL (
       SELECT shown.suggested_fix, shown.severity, shown.severity_reason
         FROM insight_themes AS shown
        WHERE shown.insight_id = days.insight_id
          AND shown.theme_id = ANY(theme.theme_id || merged.ids)
        ORDER BY shown.position
        LIMIT 1) AS newest ON true
 WHERE project.id = :project_id
   AND (CAST(:pair AS text) IS NULL OR theme.project_metric = :pair)
   AND (CAST(:theme_ids AS text[]) IS NULL OR theme.theme_id = ANY(:theme_ids))
   AND (CAST(:theme_ids AS text[]) IS NOT NULL OR theme.merged_into IS NULL)
 ORDER BY days.last_seen DESC NULLS LAST, theme.theme_id
