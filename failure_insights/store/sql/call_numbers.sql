-- Our numbers of a project's calls by their providers' IDs.
SELECT call.call_id, call.id
  FROM calls AS call
 WHERE call.project_id = :project_id AND call.call_id = ANY(CAST(:call_ids AS text[]))
