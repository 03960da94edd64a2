-- The projects that a key may see, by name.
SELECT project.id, project.slug, project.name
  FROM projects AS project
 WHERE :all_projects OR EXISTS (SELECT 1
                                  FROM api_key_projects AS scope
                                 WHERE scope.key_id = :key_id
                                   AND scope.project_id = project.id)
 ORDER BY project.name, project.id
