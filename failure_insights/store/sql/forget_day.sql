-- Takes back the counts that an earlier audit of the same pair gave to this day.
DELETE FROM theme_history AS history
 USING themes AS theme, insights AS insight
 WHERE insight.id = :id
   AND theme.project_metric = insight.project_metric
   AND history.theme_id = theme.theme_id
   AND history.date = :date
