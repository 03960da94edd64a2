-- The name of a project's agent: the one of that name, else the one of that ID.
SELECT agent.name
  FROM agents AS agent
 WHERE agent.project_id = :project_id
   AND (agent.name = :given OR agent.id = :number)
 ORDER BY agent.name = :given DESC
 LIMIT 1
