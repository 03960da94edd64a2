-- Lets a key see a project.
INSERT INTO api_key_projects (key_id, project_id) VALUES (:key_id, :project_id)
    ON CONFLICT DO NOTHING
