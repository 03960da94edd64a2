-- These calls as they are stored, to merge others of the same into.
SELECT call.project_id, call.call_id, agent.name AS agent, call.started_at, call.duration_s,
       call.ended_reason, call.metadata, coalesce(transcript.turns, '[]') AS turns
  FROM unnest(CAST(:project_ids AS integer[]), CAST(:call_ids AS text[])) AS asked(project_id, call_id)
  JOIN calls AS call USING (project_id, call_id)
  JOIN agents AS agent ON agent.id = call.agent_id
  LEFT JOIN transcripts AS transcript ON transcript.call_pk = call.id
