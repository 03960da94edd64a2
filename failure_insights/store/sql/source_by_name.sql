-- The source of that name.
SELECT source.*, project.slug AS project_slug, project.name AS project_name
  FROM sources AS source
  JOIN projects AS project ON project.id = source.project_id
 WHERE source.name = :name
