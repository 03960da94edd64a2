-- One page of the agents of these projects, or only the one of that ID, with the number of all.
SELECT agent.id, agent.project_id, agent.name, agent.created_at, count(*) OVER () AS total
  FROM agents AS agent
 WHERE agent.project_id = ANY(CAST(:project_ids AS integer[]))
   AND (CAST(:agent_id AS bigint) IS NULL OR agent.id = :agent_id)
 ORDER BY agent.project_id, agent.name
 LIMIT :limit OFFSET :offset
