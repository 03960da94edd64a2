-- The projects that may be meant and that a key may see; `seen` is projects_of_key.
SELECT id, slug, name, created_at
  FROM seen
 WHERE EXISTS (SELECT
                 FROM unnest(CAST(:bases AS text[])) AS base
                WHERE seen.slug = base
                   OR (starts_with(seen.slug, base || '-')
                       AND substr(seen.slug, length(base) + 2) ~ '^[0-9]+$'))
    OR id = ANY(CAST(:numbers AS integer[]))
 ORDER BY id
