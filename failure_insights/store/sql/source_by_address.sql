-- The webhook of that kind with that address.
SELECT source.*, project.slug AS project_slug, project.name AS project_name
  FROM sources AS source
  JOIN projects AS project ON project.id = source.project_id
 WHERE source.kind = :kind AND source.address = :address
