-- The themes of a project's eligible metrics that were seen in the :days days up to :day, or of the
-- metrics of :metric_ids only, as people left them (merged ones as one, dismissed ones not at all):
-- their words on their newest day, a quote, and all of their calls with when they began. Served by
-- themes_of_pair and the key of theme_history.
WITH seen AS (
    SELECT root.theme_id, own.theme_id AS own_id, metric.project_id, metric.slug AS metric_slug,
           metric.name AS metric_name, history.date, history.insight_id, root.title AS root_title,
           root.given_title, CASE WHEN root.state = 'resolved' THEN root.state_since END AS resolved_at
      FROM metrics AS metric
      JOIN projects AS project ON project.id = metric.project_id
      JOIN themes AS own ON own.project_metric = project.slug || '/' || metric.slug
      JOIN themes AS root ON root.theme_id = coalesce(own.merged_into, own.theme_id)
      JOIN theme_history AS history ON history.theme_id = own.theme_id
     WHERE metric.project_id = :project_id
       AND metric.is_eligible
       AND (CAST(:metric_ids AS integer[]) IS NULL OR metric.id = ANY(:metric_ids))
       AND root.state <> 'dismissed'
       AND history.date <= :day
       AND history.date > CAST(:day AS date) - CAST(:days AS integer)
), newest AS (
    SELECT DISTINCT ON (theme_id) *
      FROM seen
     ORDER BY theme_id, date DESC, own_id = theme_id DESC
), members AS (
    SELECT seen.theme_id, call.call_id, min(call.started_at) AS started_at
      FROM seen
      JOIN insight_themes AS shown
        ON shown.insight_id = seen.insight_id AND shown.theme_id = seen.own_id
      JOIN insight_calls AS member
        ON member.insight_id = shown.insight_id AND member.position = shown.position
      JOIN calls AS call ON call.project_id = seen.project_id AND call.call_id = member.call_id
     WHERE NOT EXISTS (SELECT FROM theme_split_calls AS split
                        WHERE split.theme_id IN (seen.theme_id, seen.own_id)
                          AND split.call_id = call.call_id)
     GROUP BY seen.theme_id, call.call_id
)
SELECT newest.theme_id, newest.metric_slug, newest.metric_name, newest.insight_id,
       coalesce(newest.given_title,
                CASE WHEN newest.own_id = newest.theme_id THEN shown.title
                     ELSE newest.root_title END) AS title,
       shown.origin, shown.severity, shown.suggested_fix,
       (SELECT min(ever.date)
          FROM theme_history AS ever
          JOIN themes AS each ON each.theme_id = ever.theme_id
         WHERE newest.theme_id IN (each.theme_id, each.merged_into)) AS first_seen,
       quote.quote, quote.call_id AS quote_call_id, newest.resolved_at,
       (SELECT coalesce(jsonb_object_agg(call_id, extract(epoch FROM started_at)), '{}')
          FROM members WHERE members.theme_id = newest.theme_id) AS calls
  FROM newest
  JOIN insight_themes AS shown
    ON shown.insight_id = newest.insight_id AND shown.theme_id = newest.own_id
  LEFT JOIN insight_evidence AS quote
    ON quote.insight_id = shown.insight_id AND quote.position = shown.position AND quote.ordinal = 1
 ORDER BY newest.theme_id
