-- One page of a project's views (all of them without a limit) with their agents, with the number
-- of all of them.
SELECT view.id, view.name, view.slug, view.created_at, count(*) OVER () AS total,
       ARRAY(SELECT agent.name
               FROM view_agents AS member
               JOIN agents AS agent ON agent.id = member.agent_id
              WHERE member.view_id = view.id
              ORDER BY agent.name) AS agents
  FROM views AS view
 WHERE view.project_id = :project_id
 ORDER BY view.name
 LIMIT :limit OFFSET :offset
