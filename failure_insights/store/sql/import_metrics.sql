-- The ID of each metric; those that are not there are made, and cards that learned something
-- from the lines are updated.
WITH card AS (
    SELECT *
      FROM unnest(CAST(:project_ids AS integer[]), CAST(:slugs AS text[]), CAST(:names AS text[]),
                  CAST(:types AS text[]), CAST(:pass_rules AS text[]), CAST(:eligible AS boolean[]))
           AS card(project_id, slug, name, type, pass_rule, is_eligible)
), made AS (
    INSERT INTO metrics (project_id, slug, name, type, pass_rule, is_eligible)
    SELECT project_id, slug, name, type, pass_rule, is_eligible
      FROM card
     WHERE NOT EXISTS (SELECT 1
                         FROM metrics AS old
                        WHERE old.project_id = card.project_id AND old.slug = card.slug)
     ORDER BY project_id, slug
        ON CONFLICT (project_id, slug) DO UPDATE SET slug = excluded.slug
 RETURNING id, project_id, slug
), learned AS (
    UPDATE metrics AS metric
       SET type = card.type, pass_rule = card.pass_rule, is_eligible = card.is_eligible,
           updated_at = now()
      FROM card
     WHERE metric.project_id = card.project_id
       AND metric.slug = card.slug
       AND (metric.type, metric.pass_rule) IS DISTINCT FROM (card.type, card.pass_rule)
)
SELECT id, project_id, slug FROM made
UNION ALL
SELECT metric.id, metric.project_id, metric.slug
  FROM metrics AS metric
  JOIN card USING (project_id, slug)
