-- A project's current marks, newest first, with the result that each is of and the transcript; a
-- null filter fits all. Served by marks_of_metric.
SELECT mark.id, metric.name AS metric_name, call.call_id, mark.verdict, mark.passed, result.score,
       coalesce(result.explanation, '') AS explanation, mark.expected, mark.expected_passed,
       mark.note, mark.marked_by, mark.marked_at, mark.leaves_pools,
       coalesce(transcript.turns, '[]') AS transcript, count(*) OVER () AS total
  FROM metrics AS metric
  JOIN result_marks AS mark ON mark.metric_id = metric.id
  JOIN calls AS call ON call.id = mark.call_pk
  LEFT JOIN metric_results AS result
    ON result.call_pk = mark.call_pk AND result.metric_id = mark.metric_id
  LEFT JOIN transcripts AS transcript ON transcript.call_pk = call.id
 WHERE metric.project_id = :project_id
   AND mark.is_current AND mark.verdict IS NOT NULL
   AND (CAST(:metric_id AS integer) IS NULL OR metric.id = :metric_id)
   AND (CAST(:verdict AS text) IS NULL OR mark.verdict = :verdict)
   AND (CAST(:id AS bigint) IS NULL OR mark.id = :id)
   AND (CAST(:call_id AS text) IS NULL OR call.call_id = :call_id)
 ORDER BY mark.id DESC
 LIMIT :limit OFFSET :offset
