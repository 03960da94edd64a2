-- The themes of a project's eligible metrics that were seen in the :days days up to :day, or of the
-- metrics of :metric_ids only: their words on their newest day, a quote, and all of their calls
-- with when they began. Served by themes_of_pair and the key of theme_history.
WITH seen AS (
    SELECT theme.theme_id, metric.project_id, metric.slug AS metric_slug, metric.name AS metric_name,
           history.date, history.insight_id
      FROM metrics AS metric
      JOIN projects AS project ON project.id = metric.project_id
      JOIN themes AS theme ON theme.project_metric = project.slug || '/' || metric.slug
      JOIN theme_history AS history USING (theme_id)
     WHERE metric.project_id = :project_id
       AND metric.is_eligible
       AND (CAST(:metric_ids AS integer[]) IS NULL OR metric.id = ANY(:metric_ids))
       AND history.date <= :day
       AND history.date > CAST(:day AS date) - CAST(:days AS integer)
), newest AS (
    SELECT DISTINCT ON (theme_id) * FROM seen ORDER BY theme_id, date DESC
), members AS (
    SELECT seen.theme_id, call.call_id, min(call.started_at) AS started_at
      FROM seen
      JOIN insight_themes AS shown
        ON shown.insight_id = seen.insight_id AND shown.theme_id = seen.theme_id
      JOIN insight_calls AS member
        ON member.insight_id = shown.insight_id AND member.position = shown.position
      JOIN calls AS call ON call.project_id = seen.project_id AND call.call_id = member.call_id
     GROUP BY seen.theme_id, call.call_id
)
SELECT newest.theme_id, newest.metric_slug, newest.metric_name, newest.insight_id,
       shown.title, shown.origin, shown.severity, shown.suggested_fix,
       (SELECT min(ever.date) FROM theme_history AS ever
         WHERE ever.theme_id = newest.theme_id) AS first_seen,
       quote.quote, quote.call_id AS quote_call_id,
       CAST(NULL AS timestamptz) AS resolved_at,
       (SELECT coalesce(jsonb_object_agg(call_id, extract(epoch FROM started_at)), '{}')
          FROM members WHERE members.theme_id = newest.theme_id) AS calls
  FROM newest
  JOIN insight_themes AS shown
    ON shown.insight_id = newest.insight_id AND shown.theme_id = newest.theme_id
  LEFT JOIN insight_evidence AS quote
    ON quote.insight_id = shown.insight_id AND quote.position = shown.position AND quote.ordinal = 1
 ORDER BY newest.theme_id
