-- The project of that slug or name, if the key may see it; a slug wins over a name.
SELECT project.id, project.slug, project.name
  FROM projects AS project
 WHERE (project.slug = :name OR project.name = :name)
   AND (:all_projects OR EXISTS (SELECT 1
                                   FROM api_key_projects AS scope
                                  WHERE scope.key_id = :key_id
                                    AND scope.project_id = project.id))
 ORDER BY project.slug = :name DESC, project.id
 LIMIT 1
