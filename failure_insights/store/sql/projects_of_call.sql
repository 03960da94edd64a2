-- The projects that a key may see, with whether each holds this call or this agent; `seen` is
-- projects_of_key.
SELECT slug,
       EXISTS (SELECT 1 FROM calls AS call
                WHERE call.project_id = seen.id AND call.call_id = :call_id) AS has_call,
       EXISTS (SELECT 1 FROM agents AS agent
                WHERE agent.project_id = seen.id
                  AND (agent.name = :agent OR CAST(agent.id AS text) = :agent)) AS has_agent
  FROM seen
 ORDER BY id
