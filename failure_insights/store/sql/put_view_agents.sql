-- Makes the view hold exactly these agents.
WITH gone AS (
    DELETE FROM view_agents
     WHERE view_id = :view_id AND NOT agent_id = ANY(CAST(:agent_ids AS integer[]))
)
INSERT INTO view_agents (view_id, agent_id, project_id)
SELECT :view_id, agent_id, :project_id
  FROM unnest(CAST(:agent_ids AS integer[])) AS wanted(agent_id)
    ON CONFLICT (view_id, agent_id) DO NOTHING
