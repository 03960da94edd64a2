-- The themes of these insights in their order, with the first day each theme was seen.
SELECT shown.insight_id, shown.position, shown.theme_id, shown.title, shown.description,
       shown.origin, shown.suggested_fix, shown.status, shown.severity, shown.severity_reason,
       least(insight.date, (SELECT min(history.date)
                              FROM theme_history AS history
                             WHERE history.theme_id = shown.theme_id)) AS first_seen
  FROM insight_themes AS shown
  JOIN insights AS insight ON insight.id = shown.insight_id
 WHERE shown.insight_id = ANY(CAST(:ids AS bigint[]))
 ORDER BY shown.insight_id, shown.position
