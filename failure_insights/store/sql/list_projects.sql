-- One page of the projects that a key may see, with the number of all of them.
SELECT project.slug, project.name, project.created_at, count(*) OVER () AS total
  FROM projects AS project
 WHERE :all_projects OR EXISTS (SELECT 1
                                  FROM api_key_projects AS scope
                                 WHERE scope.key_id = :key_id
                                   AND scope.project_id = project.id)
 ORDER BY project.slug
 LIMIT :limit OFFSET :offset
