-- The pool of each pair in its own window [start, end), in order of time.
-- A pair without failing calls has no row. Results that people confirmed as no fault of the agent's
-- are left out. Served by failing_results and current_marks.
SELECT pair.ordinal, call.call_id, agent.name AS agent, result.started_at,
       result.score, result.explanation
  FROM unnest(CAST(:metric_ids AS integer[]), CAST(:starts AS timestamptz[]),
              CAST(:ends AS timestamptz[]))
       WITH ORDINALITY AS pair(metric_id, window_start, window_end, ordinal)
 CROSS JOIN LATERAL
       (SELECT started_at, score, explanation, call_pk
          FROM metric_results
         WHERE metric_id = pair.metric_id
           AND NOT passed
           AND started_at >= pair.window_start
           AND started_at < pair.window_end
           AND NOT EXISTS (SELECT FROM result_marks AS mark
                            WHERE mark.call_pk = metric_results.call_pk
                              AND mark.metric_id = metric_results.metric_id
                              AND mark.is_current AND mark.leaves_pools)) AS result
  JOIN calls AS call ON call.id = result.call_pk
  JOIN agents AS agent ON agent.id = call.agent_id
 ORDER BY pair.ordinal, result.started_at, call.call_id
