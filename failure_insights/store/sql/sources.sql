-- Every source with its project, oldest first.
SELECT source.*, project.slug AS project_slug, project.name AS project_name
  FROM sources AS source
  JOIN projects AS project ON project.id = source.project_id
 ORDER BY source.id
