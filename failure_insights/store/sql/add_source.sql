-- Makes a source; one of that name stays as it is, and no row comes back.
INSERT INTO sources (name, kind, way, project_id, agent, key_env, user_env, base_url, only_id,
                     address, since)
VALUES (:name, :kind, :way, :project_id, :agent, :key_env, :user_env, :base_url, :only_id,
        :address, :since)
    ON CONFLICT (name) DO NOTHING
RETURNING id
