-- The project of that slug or name, or of the slug of such a name, if the key may see it; the best
-- match first. `seen` is projects_of_key.
SELECT id, slug, name, created_at
  FROM seen
 WHERE slug = :given OR name = :given OR slug = :slug
 ORDER BY slug = :given DESC, name = :given DESC, id
 LIMIT 1
