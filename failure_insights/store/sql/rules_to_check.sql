-- All enabled rules; one that another process is looking at is left to it.
SELECT rule.id, rule.project_id, project.slug AS project_slug, project.name AS project_name,
       rule.metric_id, metric.name AS metric_name, rule.name, rule.kind, rule.params,
       rule.checked_at
  FROM alert_rules AS rule
  JOIN projects AS project ON project.id = rule.project_id
  LEFT JOIN metrics AS metric ON metric.id = rule.metric_id
 WHERE rule.enabled
 ORDER BY rule.id
   FOR UPDATE OF rule SKIP LOCKED
