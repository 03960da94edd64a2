-- The calls of these that are in the store, with the digest of what they said last.
SELECT call.project_id, call.call_id, call.digest
  FROM unnest(CAST(:project_ids AS integer[]), CAST(:call_ids AS text[])) AS asked(project_id, call_id)
  JOIN calls AS call USING (project_id, call_id)
