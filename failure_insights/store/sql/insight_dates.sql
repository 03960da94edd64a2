-- The dates on which an insight of these projects found themes, newest first.
SELECT DISTINCT insight.date
  FROM insights AS insight
 WHERE split_part(insight.project_metric, '/', 1) = ANY(CAST(:projects AS text[]))
   AND insight.status = 'succeeded'
 ORDER BY insight.date DESC
