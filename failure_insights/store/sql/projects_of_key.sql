-- The projects that a key may see. Every statement that depends on who asks begins with this one.
SELECT project.id, project.slug, project.name, project.created_at
  FROM projects AS project
 WHERE :all_projects OR EXISTS (SELECT 1
                                  FROM api_key_projects AS scope
                                 WHERE scope.key_id = :key_id
                                   AND scope.project_id = project.id)
