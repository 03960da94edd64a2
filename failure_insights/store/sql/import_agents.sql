-- The ID of each agent; those that are not there are made.
WITH named AS (
    SELECT *
      FROM unnest(CAST(:project_ids AS integer[]), CAST(:names AS text[])) AS named(project_id, name)
), made AS (
    INSERT INTO agents (project_id, name)
    SELECT project_id, name
      FROM named
     WHERE NOT EXISTS (SELECT 1
                         FROM agents AS old
                        WHERE old.project_id = named.project_id AND old.name = named.name)
     ORDER BY project_id, name
        ON CONFLICT (project_id, name) DO UPDATE SET name = excluded.name
 RETURNING id, project_id, name
)
SELECT id, project_id, name FROM made
UNION ALL
SELECT agent.id, agent.project_id, agent.name
  FROM agents AS agent
  JOIN named USING (project_id, name)
