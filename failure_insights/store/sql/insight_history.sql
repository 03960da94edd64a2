-- Each theme's count per day, up to the day of the insight that shows it; of the last :days days,
-- or of all where that is null.
SELECT shown.insight_id, shown.position, history.date, history.count
  FROM insight_themes AS shown
  JOIN insights AS insight ON insight.id = shown.insight_id
  JOIN theme_history AS history
    ON history.theme_id = shown.theme_id AND history.date <= insight.date
   AND (CAST(:days AS integer) IS NULL OR history.date > insight.date - CAST(:days AS integer))
 WHERE shown.insight_id = ANY(CAST(:ids AS bigint[]))
 ORDER BY shown.insight_id, shown.position, history.date
