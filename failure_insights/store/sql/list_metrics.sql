-- One page of a project's metric cards, or only the one of that slug, with the number of all.
SELECT metric.id, metric.name, metric.slug, metric.type, metric.prompt, metric.description,
       metric.pass_rule, metric.score_type, metric.is_eligible, metric.about,
       metric.created_at, metric.updated_at, count(*) OVER () AS total
  FROM metrics AS metric
 WHERE metric.project_id = :project_id
   AND (CAST(:slug AS text) IS NULL OR metric.slug = :slug)
 ORDER BY metric.name
 LIMIT :limit OFFSET :offset
