-- Keeps other imports out of these projects until the transaction ends. Everybody takes these
-- locks in the same order, so that two never wait for each other.
SELECT pg_advisory_xact_lock(7215307, project_id)
  FROM (SELECT DISTINCT project_id
          FROM unnest(CAST(:project_ids AS integer[])) AS named(project_id)
         ORDER BY project_id) AS locks
