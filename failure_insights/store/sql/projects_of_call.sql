-- The projects that a key may see, with whether each holds this call or this agent.
SELECT project.id, project.slug, project.name,
       EXISTS (SELECT 1 FROM calls AS call
                WHERE call.project_id = project.id AND call.call_id = :call_id) AS has_call,
       EXISTS (SELECT 1 FROM agents AS agent
                WHERE agent.project_id = project.id AND agent.name = :agent) AS has_agent
  FROM projects AS project
 WHERE :all_projects OR EXISTS (SELECT 1
                                  FROM api_key_projects AS scope
                                 WHERE scope.key_id = :key_id
                                   AND scope.project_id = project.id)
 ORDER BY project.id
