-- A metric's results of the last :weeks weeks that have calls, by week: evaluated, failing,
-- suspected by an audit, and what people said of them.
WITH week AS (
    SELECT CAST(date_trunc('week', result.started_at) AS date) AS week,
           count(*) AS evaluated, count(*) FILTER (WHERE NOT result.passed) AS failing
      FROM metric_results AS result
     WHERE result.metric_id = :metric_id AND result.passed IS NOT NULL
     GROUP BY 1
     ORDER BY 1 DESC
     LIMIT :weeks
), suspected AS (
    SELECT CAST(date_trunc('week', call.started_at) AS date) AS week,
           count(DISTINCT call.id) AS suspected
      FROM insights AS insight
      JOIN insight_calls AS member
        ON member.insight_id = insight.id AND member.bucket = 'judge_error'
      JOIN calls AS call ON call.project_id = :project_id AND call.call_id = member.call_id
     WHERE insight.metric_id = :metric_id
     GROUP BY 1
), marked AS (
    SELECT CAST(date_trunc('week', call.started_at) AS date) AS week,
           count(*) FILTER (WHERE mark.verdict = 'judge_wrong') AS judge_wrong,
           count(*) FILTER (WHERE mark.verdict = 'metric_wrong') AS metric_wrong,
           count(*) FILTER (WHERE mark.verdict = 'stands') AS stands
      FROM result_marks AS mark
      JOIN calls AS call ON call.id = mark.call_pk
     WHERE mark.metric_id = :metric_id AND mark.is_current
     GROUP BY 1
)
SELECT week.week, week.evaluated, week.failing, coalesce(suspected.suspected, 0) AS suspected,
       coalesce(marked.judge_wrong, 0) AS judge_wrong,
       coalesce(marked.metric_wrong, 0) AS metric_wrong, coalesce(marked.stands, 0) AS stands
  FROM week
  LEFT JOIN suspected USING (week)
  LEFT JOIN marked USING (week)
 ORDER BY week.week DESC
