-- The project of that slug or name, or of the slug of such a name, if the key may see it; the best
-- match first.
SELECT project.id, project.slug, project.name
  FROM projects AS project
 WHERE (project.slug = :given OR project.name = :given OR project.slug = :slug)
   AND (:all_projects OR EXISTS (SELECT 1
                                   FROM api_key_projects AS scope
                                  WHERE scope.key_id = :key_id
                                    AND scope.project_id = project.id))
 ORDER BY project.slug = :given DESC, project.name = :given DESC, project.id
 LIMIT 1
