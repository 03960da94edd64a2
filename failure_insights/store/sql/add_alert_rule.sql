INSERT INTO alert_rules
       (project_id, metric_id, name, kind, params, channel, address_env, secret_env, enabled)
VALUES (:project_id, :metric_id, :name, :kind, :params, :channel, :address_env, :secret_env,
        :enabled)
    ON CONFLICT (project_id, name) DO NOTHING
RETURNING id
