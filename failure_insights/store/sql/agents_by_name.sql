-- The agents of a project that have these names.
SELECT agent.id, agent.name
  FROM agents AS agent
 WHERE agent.project_id = :project_id AND agent.name = ANY(CAST(:agents AS text[]))
