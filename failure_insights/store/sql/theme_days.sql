-- The themes of a pair that were seen within :days days up to :day, with their counts per day,
-- the latest seen first. Served by themes_of_pair and the key of theme_history.
SELECT theme.theme_id, theme.title,
       (SELECT min(ever.date) FROM theme_history AS ever
         WHERE ever.theme_id = theme.theme_id) AS first_seen,
       max(history.date) AS last_seen, sum(history.count) AS total,
       jsonb_object_agg(history.date, history.count) AS history,
       (array_agg(history.insight_id ORDER BY history.date DESC))[1] AS insight_id
  FROM themes AS theme
  JOIN theme_history AS history USING (theme_id)
 WHERE theme.project_metric = :project_metric
   AND history.date <= :day
   AND history.date > CAST(:day AS date) - CAST(:days AS integer)
 GROUP BY theme.theme_id
 ORDER BY last_seen DESC, total DESC, theme.theme_id
