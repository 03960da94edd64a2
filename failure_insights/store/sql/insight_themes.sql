-- The themes of these insights in their order, each with the theme that people know it as (root:
-- what it was merged into, or itself), what they made of that one, and the calls that count
-- elsewhere and where the theme is at work too.
SELECT shown.insight_id, shown.position, shown.theme_id, insight.date,
       coalesce(root.given_title,
                CASE WHEN root.theme_id = shown.theme_id THEN shown.title ELSE root.title END)
           AS title,
       shown.description, shown.origin, shown.suggested_fix, shown.status, shown.severity,
       shown.severity_reason,
       root.theme_id AS root_id, root.state, root.state_since, root.dismissal_reason, root.owner,
       root.link, merged.ids AS merged_theme_ids,
       least(insight.date,
             (SELECT min(date) FROM theme_history WHERE theme_id = root.theme_id),
             (SELECT min(date) FROM theme_history WHERE theme_id = ANY(merged.ids))) AS first_seen,
       CASE WHEN root.state = 'resolved' THEN
           (SELECT max(last_call_at) FROM theme_history
             WHERE theme_id = ANY(root.theme_id || merged.ids)) END AS last_call_at,
       ARRAY(SELECT also.call_id
               FROM insight_also_calls AS also
              WHERE also.insight_id = shown.insight_id AND also.position = shown.position
              ORDER BY also.call_id) AS also_call_ids
  FROM insight_themes AS shown
  JOIN insights AS insight ON insight.id = shown.insight_id
  JOIN themes AS own ON own.theme_id = shown.theme_id
  JOIN themes AS root ON root.theme_id = coalesce(own.merged_into, own.theme_id)
 CROSS JOIN LATERAL (
       SELECT ARRAY(SELECT child.theme_id FROM themes AS child
                     WHERE child.merged_into = root.theme_id
                     ORDER BY child.theme_id) AS ids) AS merged
 WHERE shown.insight_id = ANY(CAST(:ids AS bigint[]))
 ORDER BY shown.insight_id, shown.position
