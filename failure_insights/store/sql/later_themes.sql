-- A pair's themes that were seen on days after :day only, of the next :days days, with the words
-- and calls of their first day: a day that is audited late shares them. Served by themes_of_pair
-- and the key of theme_history.
SELECT theme.theme_id, theme.title, theme.description, theme.criterion, theme.origin,
       (array_agg(history.terms ORDER BY history.date))[1] AS terms,
       min(history.date) AS first_seen,
       jsonb_object_agg(history.date, history.count) AS history,
       (SELECT coalesce(array_agg(member.call_id), '{}')
          FROM insight_themes AS shown
          JOIN insight_calls AS member USING (insight_id, position)
         WHERE shown.theme_id = theme.theme_id
           AND shown.insight_id = (array_agg(history.insight_id ORDER BY history.date))[1]
       ) AS call_ids
  FROM themes AS theme
  JOIN theme_history AS history USING (theme_id)
 WHERE theme.project_metric = :project_metric
 GROUP BY theme.theme_id
HAVING min(history.date) > :day
   AND min(history.date) <= CAST(:day AS date) + CAST(:days AS integer)
 ORDER BY min(history.date), theme.theme_id
