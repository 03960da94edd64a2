-- The themes that insights show, each with the themes that were merged into it (member); the day is
-- that of the insight.
WITH shown AS (
    SELECT DISTINCT theme.insight_id, insight.date,
           coalesce(own.merged_into, own.theme_id) AS theme_id
      FROM insight_themes AS theme
      JOIN insights AS insight ON insight.id = theme.insight_id
      JOIN themes AS own ON own.theme_id = theme.theme_id
     WHERE theme.insight_id = ANY(CAST(:ids AS bigint[]))
)
SELECT insight_id, date, theme_id, theme_id AS member FROM shown
 UNION ALL
SELECT shown.insight_id, shown.date, shown.theme_id, merged.theme_id
  FROM shown JOIN themes AS merged ON merged.merged_into = shown.theme_id
