-- A pair's themes of the :days days up to :day, with their counts per day and the words and calls
-- of their newest day. The day itself counts: an audit asked for again keeps its themes. With
-- :with_later also those that were seen on later days only, of the next :days days, with the words
-- and calls of their first day: a day that is audited late shares them. Served by themes_of_pair
-- and the key of theme_history.
WITH seen AS (
    SELECT theme_id, history.date, history.insight_id, history.count, history.terms,
           abs(history.date - CAST(:day AS date)) AS days_away,
           history.date <= :day AS is_prior,
           bool_or(history.date <= :day) OVER (PARTITION BY theme_id) AS has_prior
      FROM themes AS theme
      JOIN theme_history AS history USING (theme_id)
     WHERE theme.project_metric = :project_metric
       AND (history.date <= :day OR :with_later)
)
SELECT theme.theme_id, coalesce(root.given_title, root.title) AS title, theme.description, theme.criterion, theme.origin,
       root.dismissal_reason, root.note,
       (array_agg(seen.terms ORDER BY seen.days_away))[1] AS terms,
       min(seen.date) AS first_seen,
       jsonb_object_agg(seen.date, seen.count) AS history,
       (SELECT coalesce(array_agg(member.call_id), '{}')
          FROM insight_themes AS shown
          JOIN insight_calls AS member USING (insight_id, position)
         WHERE shown.theme_id = theme.theme_id
           AND shown.insight_id = (array_agg(seen.insight_id ORDER BY seen.days_away))[1]
       ) AS call_ids
  FROM themes AS theme
  JOIN themes AS root ON root.theme_id = coalesce(theme.merged_into, theme.theme_id)
  JOIN seen ON seen.theme_id = theme.theme_id
 WHERE seen.is_prior = seen.has_prior
 GROUP BY theme.theme_id, root.theme_id
HAVING min(seen.days_away) <=
       CASE WHEN root.state <> 'active' OR theme.merged_into IS NOT NULL THEN :days_of_acts
            ELSE :days END
 ORDER BY min(seen.date), theme.theme_id
