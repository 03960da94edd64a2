-- Makes a metric unless there is one of that slug.
INSERT INTO metrics (project_id, slug, name, type, prompt, description, pass_rule, score_type,
                     is_eligible, about)
VALUES (:project_id, :slug, :name, :type, :prompt, :description, :pass_rule, :score_type,
        :is_eligible, :about)
    ON CONFLICT (project_id, slug) DO NOTHING
