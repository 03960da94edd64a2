-- What LLM requests cost in US dollars, a row each time they did, since :since. An audit that runs counts
-- with what is set aside for it. Served by insights_that_cost and open_insights.
SELECT split_part(project_metric, '/', 1) AS project, metric_name AS metric, finished_at AS at, cost,
       usage, true AS is_done
  FROM insights
 WHERE cost > 0 AND finished_at >= :since
 UNION ALL
SELECT split_part(project_metric, '/', 1), metric_name, started_at, reserved_cost, '{}', false
  FROM insights
 WHERE status IN ('pending', 'running') AND reserved_cost > 0
 UNION ALL
SELECT project.slug, 'Digest', digest.made_at, digest.cost, digest.usage, true
  FROM project_digests AS digest
  JOIN projects AS project ON project.id = digest.project_id
 WHERE digest.cost > 0 AND digest.made_at >= :since
 UNION ALL
SELECT split_part(insight.project_metric, '/', 1), insight.metric_name, sorting.sorted_at, sorting.cost,
       sorting.usage, true
  FROM call_sortings AS sorting
  JOIN insights AS insight ON insight.id = sorting.insight_id
 WHERE sorting.cost > 0 AND sorting.sorted_at >= :since
