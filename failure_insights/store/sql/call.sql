-- A call with its transcript.
SELECT call.id, call.call_id, agent.name AS agent, agent.id AS agent_id, call.started_at,
       call.duration_s, call.ended_reason, call.metadata, coalesce(transcript.turns, '[]') AS transcript
  FROM calls AS call
  JOIN agents AS agent ON agent.id = call.agent_id
  LEFT JOIN transcripts AS transcript ON transcript.call_pk = call.id
 WHERE call.project_id = :project_id AND call.call_id = :call_id
