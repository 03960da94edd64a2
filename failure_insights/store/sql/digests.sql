-- One page of a project's digests, or one of them, the newest day first; :days null: of any length.
SELECT digest.id, project.slug AS project, digest.date, digest.days, digest.window_end,
       digest.headline, digest.words, digest.content, digest.model, digest.cost, digest.made_at,
       count(*) OVER () AS total
  FROM project_digests AS digest
  JOIN projects AS project ON project.id = digest.project_id
 WHERE digest.project_id = :project_id
   AND (CAST(:id AS bigint) IS NULL OR digest.id = :id)
   AND (CAST(:days AS integer) IS NULL OR digest.days = :days)
 ORDER BY digest.date DESC, digest.made_at DESC
 LIMIT :limit OFFSET :offset
