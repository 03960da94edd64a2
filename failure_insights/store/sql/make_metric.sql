-- Makes a metric under a slug that is free.
INSERT INTO metrics (project_id, slug, name, type, prompt, description, pass_rule, score_type,
                     is_eligible, about)
VALUES (:project_id, :slug, :name, :type, :prompt, :description, :pass_rule, :score_type,
        :is_eligible, :about)
