-- The projects with an audit of a date.
SELECT id, slug, name, created_at
  FROM projects AS project
 WHERE EXISTS (SELECT FROM metrics AS metric JOIN insights AS audit ON audit.metric_id = metric.id
                WHERE metric.project_id = project.id AND audit.date = :day)
 ORDER BY id
