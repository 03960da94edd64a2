-- One page of the projects that a key may see, with the number of all of them; `seen` is
-- projects_of_key.
SELECT id, slug, name, created_at, count(*) OVER () AS total
  FROM seen
 ORDER BY slug
 LIMIT :limit OFFSET :offset
