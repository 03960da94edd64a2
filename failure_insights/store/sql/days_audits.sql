-- How far the audits of a date are, counted by eligible pair: ended, under way, not begun.
WITH audits AS (
    SELECT metric_id, bool_or(status IN ('pending', 'running')) AS is_open
      FROM insights
     WHERE date = :day AND metric_id IS NOT NULL
     GROUP BY metric_id
)
SELECT count(*) FILTER (WHERE audits.is_open = false) AS ended,
       count(*) FILTER (WHERE audits.is_open) AS open,
       count(*) FILTER (WHERE audits.is_open IS NULL) AS missing
  FROM metrics AS metric
  LEFT JOIN audits ON audits.metric_id = metric.id
 WHERE metric.is_eligible
