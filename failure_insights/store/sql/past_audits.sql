-- One page of a metric's audits, the latest window first, each with its themes and their counts,
-- and the number of all of them.
SELECT insight.id, insight.status, insight.date,
       coalesce(insight.window_end, insight.created_at) AS looked_back_from,
       insight.window_days, insight.num_failing_calls, insight.auditor, insight.degraded,
       insight.error_message, count(*) OVER () AS total,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'theme_id', theme.theme_id, 'title', theme.title, 'status', theme.status,
                   'count', (SELECT count(*)
                               FROM insight_calls AS member
                              WHERE member.insight_id = theme.insight_id
                                AND member.position = theme.position))
                   ORDER BY theme.position), '[]')
          FROM insight_themes AS theme
         WHERE theme.insight_id = insight.id) AS themes
  FROM insights AS insight
 WHERE insight.metric_id = :metric_id
 ORDER BY looked_back_from DESC, insight.id DESC
 LIMIT :limit OFFSET :offset
