-- Makes a project under a slug that is free.
INSERT INTO projects (slug, name) VALUES (:slug, :name)
RETURNING id, slug, name, created_at
