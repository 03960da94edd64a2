-- The ID of each project; those that are not there are made.
-- DO UPDATE only to be told the ID of one that somebody made at the same time.
WITH named AS (
    SELECT * FROM unnest(CAST(:slugs AS text[]), CAST(:names AS text[])) AS named(slug, name)
), made AS (
    INSERT INTO projects (slug, name)
    SELECT slug, name
      FROM named
     WHERE NOT EXISTS (SELECT 1 FROM projects AS old WHERE old.slug = named.slug)
     ORDER BY slug
        ON CONFLICT (slug) DO UPDATE SET slug = excluded.slug
 RETURNING id, slug
)
SELECT id, slug FROM made
UNION ALL
SELECT project.id, project.slug FROM projects AS project JOIN named USING (slug)
