-- A rule that was off does not tell what it missed.
UPDATE alert_rules AS rule
   SET metric_id = :metric_id, name = :name, kind = :kind, params = :params, channel = :channel,
       address_env = :address_env, secret_env = :secret_env,
       checked_at = CASE WHEN rule.enabled THEN rule.checked_at ELSE clock_timestamp() END,
       enabled = :enabled
 WHERE id = :id
   AND NOT EXISTS (SELECT FROM alert_rules AS other
                    WHERE other.project_id = :project_id AND other.name = :name
                      AND other.id <> :id)
RETURNING id
