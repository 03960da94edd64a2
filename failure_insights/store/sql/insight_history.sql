-- Each shown theme's days and its count on each, in two arrays, up to the day of the insight that
-- shows it; of the last :days days, or of all where that is null. A theme has one row a day, so the
-- limit cuts nothing off: it keeps the planner at the key of theme_history, theme by theme, however
-- long histories are.
SELECT shown.insight_id, shown.theme_id,
       array_agg(history.date ORDER BY history.date) AS dates,
       array_agg(history.count ORDER BY history.date) AS counts
  FROM shown
 CROSS JOIN LATERAL (
       SELECT date, count
         FROM theme_history
        WHERE theme_id = shown.member
          AND date <= shown.date
          AND date > shown.date - coalesce(CAST(:days AS integer), 100000)
        ORDER BY date DESC
        LIMIT CAST(:days AS integer)) AS history
 GROUP BY shown.insight_id, shown.theme_id
