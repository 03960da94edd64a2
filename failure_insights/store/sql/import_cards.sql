-- The cards of these pairs, as slugs of project and metric.
SELECT project.slug AS project_slug, metric.slug, metric.name, metric.type, metric.pass_rule
  FROM (SELECT DISTINCT *
          FROM unnest(CAST(:projects AS text[]), CAST(:metrics AS text[]))) AS pair(project, metric)
  JOIN projects AS project ON project.slug = pair.project
  JOIN metrics AS metric ON metric.project_id = project.id AND metric.slug = pair.metric
