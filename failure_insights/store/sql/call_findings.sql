-- What insights say of one call: its theme or bucket and their quotes. Of the insight asked for,
-- else of every metric's newest whose window holds the call. Served by insights_of_metric.
WITH call AS (
    SELECT started_at FROM calls WHERE project_id = :project_id AND call_id = :call_id
), citing AS (
    SELECT DISTINCT ON (insight.metric_id) insight.id, metric.slug, metric.name
      FROM call, metrics AS metric
      JOIN insights AS insight ON insight.metric_id = metric.id
      JOIN insight_calls AS member
        ON member.insight_id = insight.id AND member.call_id = :call_id
     WHERE metric.project_id = :project_id
       AND insight.status = 'succeeded'
       AND call.started_at < insight.window_end
       AND call.started_at >= insight.window_end - make_interval(days => insight.window_days)
     ORDER BY insight.metric_id, insight.id = coalesce(CAST(:insight_id AS bigint), 0) DESC,
              insight.window_end DESC, insight.id DESC
)
SELECT citing.id AS insight_id, citing.slug AS metric_slug, citing.name AS metric_name, theme.theme_id,
       coalesce(theme.title, cause.title) AS title, member.reason, member.bucket,
       coalesce(quote.turn, member.turn) AS turn,
       coalesce(quote.quote, member.quote) AS quote
  FROM citing
  JOIN insight_calls AS member ON member.insight_id = citing.id AND member.call_id = :call_id
  LEFT JOIN insight_themes AS theme
    ON theme.insight_id = citing.id AND theme.position = member.position
  LEFT JOIN insight_causes AS cause
    ON cause.insight_id = citing.id AND cause.ordinal = member.cause
  LEFT JOIN insight_evidence AS quote
    ON quote.insight_id = citing.id AND quote.position = member.position
   AND quote.call_id = :call_id
 ORDER BY citing.name, quote.ordinal
