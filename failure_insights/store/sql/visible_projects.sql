-- The projects that a key may see, by name; `seen` is projects_of_key.
SELECT id, slug, name, created_at
  FROM seen
 ORDER BY name, id
