-- One page of the calls of these projects, newest first, that fit the filters; a null filter fits
-- all. passed: every verdict of the call is a pass; null: it has none.
SELECT call.id, call.call_id, call.project_id, agent.id AS agent_id, agent.name AS agent,
       call.started_at, call.duration_s, call.ended_reason, call.metadata, call.imported_at,
       (SELECT bool_and(result.passed) FROM metric_results AS result
         WHERE result.call_pk = call.id) AS passed,
       count(*) OVER () AS total
  FROM calls AS call
  JOIN agents AS agent ON agent.id = call.agent_id
 WHERE call.project_id = ANY(CAST(:project_ids AS integer[]))
   AND (CAST(:agent_id AS bigint) IS NULL OR call.agent_id = :agent_id)
   AND (CAST(:call_ids AS text[]) IS NULL AND CAST(:numbers AS bigint[]) IS NULL
        OR call.call_id = ANY(:call_ids) OR call.id = ANY(:numbers))
   AND (CAST(:start AS timestamptz) IS NULL OR call.started_at >= :start)
   AND (CAST(:end AS timestamptz) IS NULL OR call.started_at < :end)
   AND (CAST(:passed AS boolean) IS NULL
        OR :passed = (SELECT bool_and(result.passed) FROM metric_results AS result
                       WHERE result.call_pk = call.id))
 ORDER BY call.started_at DESC, call.id DESC
 LIMIT :limit OFFSET :offset
