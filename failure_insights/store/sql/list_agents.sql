-- One page of a project's agents, with the number of all of them.
SELECT agent.id, agent.name, agent.created_at, count(*) OVER () AS total
  FROM agents AS agent
 WHERE agent.project_id = :project_id
 ORDER BY agent.name
 LIMIT :limit OFFSET :offset
