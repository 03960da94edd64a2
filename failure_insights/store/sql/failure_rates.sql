-- How many calls of a window each of a project's metrics judged, and how many it failed. Served by
-- the indexes failing_results and passing_results.
SELECT metric.id, metric.name,
       (SELECT count(*)
          FROM metric_results AS result
         WHERE result.metric_id = metric.id AND NOT result.passed
           AND result.started_at >= :start AND result.started_at < :end
           AND (CAST(:agent_ids AS integer[]) IS NULL
                OR EXISTS (SELECT FROM calls AS call
                            WHERE call.id = result.call_pk AND call.agent_id = ANY(:agent_ids)))
       ) AS failed,
       (SELECT count(*)
          FROM metric_results AS result
         WHERE result.metric_id = metric.id AND result.passed
           AND result.started_at >= :start AND result.started_at < :end
           AND (CAST(:agent_ids AS integer[]) IS NULL
                OR EXISTS (SELECT FROM calls AS call
                            WHERE call.id = result.call_pk AND call.agent_id = ANY(:agent_ids)))
       ) AS passed
  FROM metrics AS metric
 WHERE metric.project_id = :project_id
   AND (CAST(:metric_id AS bigint) IS NULL OR metric.id = :metric_id)
 ORDER BY metric.name
