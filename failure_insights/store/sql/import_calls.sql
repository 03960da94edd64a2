-- Writes the calls of incoming_calls with their transcripts, new ones and changed ones.
WITH stored AS (
    INSERT INTO calls (project_id, agent_id, call_id, started_at, duration_s, ended_reason,
                       metadata, digest)
    SELECT project_id, agent_id, call_id, started_at, duration_s, ended_reason, metadata, digest
      FROM incoming_calls
     ORDER BY project_id, call_id
        ON CONFLICT (project_id, call_id) DO UPDATE
       SET agent_id = excluded.agent_id, started_at = excluded.started_at,
           duration_s = excluded.duration_s, ended_reason = excluded.ended_reason,
           metadata = excluded.metadata, digest = excluded.digest, imported_at = now()
 RETURNING id, project_id, call_id
)
INSERT INTO transcripts (call_pk, turns)
SELECT stored.id, incoming.turns
  FROM stored
  JOIN incoming_calls AS incoming USING (project_id, call_id)
    ON CONFLICT (call_pk) DO UPDATE SET turns = excluded.turns
