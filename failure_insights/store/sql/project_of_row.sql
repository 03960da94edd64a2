-- The project of an agent, metric, call, insight, digest or alert, or the project of that ID itself,
-- where the key may see it; `seen` is projects_of_key.
SELECT seen.id, seen.slug, seen.name, seen.created_at
  FROM seen
 WHERE seen.id = CASE CAST(:kind AS text)
       WHEN 'project' THEN CAST(:row_id AS bigint)
       WHEN 'agent' THEN (SELECT project_id FROM agents WHERE id = :row_id)
       WHEN 'metric' THEN (SELECT project_id FROM metrics WHERE id = :row_id)
       WHEN 'call' THEN (SELECT project_id FROM calls WHERE id = :row_id)
       WHEN 'digest' THEN (SELECT project_id FROM project_digests WHERE id = :row_id)
       WHEN 'alert' THEN (SELECT project_id FROM alert_rules WHERE id = :row_id)
       WHEN 'insight' THEN (SELECT project.id
                              FROM insights AS insight
                              JOIN projects AS project
                                ON project.slug = split_part(insight.project_metric, '/', 1)
                             WHERE insight.id = :row_id)
       END
