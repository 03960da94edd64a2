-- The themes of these insights in their order, with the first day each was seen, and the calls that
-- count elsewhere and where it is at work too.
SELECT shown.insight_id, shown.position, shown.theme_id, shown.title, shown.description,
       shown.origin, shown.suggested_fix, shown.status, shown.severity, shown.severity_reason,
       least(insight.date, (SELECT min(history.date)
                              FROM theme_history AS history
                             WHERE history.theme_id = shown.theme_id)) AS first_seen,
       ARRAY(SELECT also.call_id
               FROM insight_also_calls AS also
              WHERE also.insight_id = shown.insight_id AND also.position = shown.position
              ORDER BY also.call_id) AS also_call_ids
  FROM insight_themes AS shown
  JOIN insights AS insight ON insight.id = shown.insight_id
 WHERE shown.insight_id = ANY(CAST(:ids AS bigint[]))
 ORDER BY shown.insight_id, shown.position
