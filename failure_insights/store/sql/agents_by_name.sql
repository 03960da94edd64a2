-- The agents of a project that have these names, else these IDs.
SELECT DISTINCT ON (given) given, agent.id, agent.name
  FROM unnest(CAST(:agents AS text[])) AS given
  JOIN agents AS agent ON agent.name = given OR CAST(agent.id AS text) = given
 WHERE agent.project_id = :project_id
 ORDER BY given, agent.name = given DESC
