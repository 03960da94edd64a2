-- Lets a key see a project, which is made where it is not there.
WITH made AS (
    INSERT INTO projects (slug, name) VALUES (:slug, :name)
        ON CONFLICT (slug) DO NOTHING
 RETURNING id
)
INSERT INTO api_key_projects (key_id, project_id)
SELECT CAST(:key_id AS integer), id FROM made
 UNION
SELECT CAST(:key_id AS integer), id FROM projects WHERE slug = :slug
    ON CONFLICT DO NOTHING
