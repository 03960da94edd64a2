-- A metric's causes of the :days days up to :day, each with the words and calls of its newest day.
-- Served by insights_of_metric and insight_causes_by_cause.
SELECT DISTINCT ON (cause.cause_id)
       cause.cause_id, cause.title, cause.criterion, cause.terms,
       min(insight.date) OVER (PARTITION BY cause.cause_id) AS first_seen,
       coalesce(shown.theme_id, '') AS theme_id,
       ARRAY(SELECT member.call_id
               FROM insight_calls AS member
              WHERE member.insight_id = cause.insight_id AND member.cause = cause.ordinal) AS call_ids
  FROM insights AS insight
  JOIN insight_causes AS cause ON cause.insight_id = insight.id
  LEFT JOIN insight_themes AS shown
    ON shown.insight_id = cause.insight_id AND shown.position = cause.position
 WHERE insight.metric_id = :metric_id
   AND insight.status = 'succeeded'
   AND insight.date BETWEEN CAST(:day AS date) - CAST(:days AS integer) AND :day
 ORDER BY cause.cause_id, insight.date DESC, insight.id DESC
