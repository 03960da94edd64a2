-- Every key with the slugs of its projects, oldest first.
SELECT key.name, key.all_projects, key.created_at, key.revoked_at,
       ARRAY(SELECT project.slug
               FROM api_key_projects AS scope
               JOIN projects AS project ON project.id = scope.project_id
              WHERE scope.key_id = key.id
              ORDER BY project.slug) AS projects
  FROM api_keys AS key
 ORDER BY key.id
