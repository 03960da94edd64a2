-- The view of that slug, made if it is not there. DO UPDATE only to be told its ID and to keep
-- others from changing its agents meanwhile.
INSERT INTO views (project_id, slug, name)
VALUES (:project_id, :slug, :name)
    ON CONFLICT (project_id, slug) DO UPDATE SET slug = excluded.slug
RETURNING id, slug, name, created_at
