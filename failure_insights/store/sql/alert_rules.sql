-- A project's rules by name, or one of them, with how its messages fare. Served by messages_of_rule.
SELECT rule.id, project.slug AS project, rule.name, metric.name AS metric_name, rule.kind,
       rule.params, rule.channel, rule.address_env, rule.secret_env, rule.enabled, rule.created_at,
       sent.last_sent_at, sent.waiting, sent.given_up,
       (SELECT last_error FROM alert_messages AS newest
         WHERE newest.rule_id = rule.id ORDER BY id DESC LIMIT 1) AS last_error
  FROM alert_rules AS rule
  JOIN projects AS project ON project.id = rule.project_id
  LEFT JOIN metrics AS metric ON metric.id = rule.metric_id
 CROSS JOIN LATERAL (
       SELECT max(sent_at) AS last_sent_at,
              count(*) FILTER (WHERE status = 'waiting') AS waiting,
              count(*) FILTER (WHERE status = 'given_up') AS given_up
         FROM alert_messages AS message
        WHERE message.rule_id = rule.id) AS sent
 WHERE rule.project_id = :project_id
   AND (CAST(:id AS integer) IS NULL OR rule.id = :id)
 ORDER BY rule.name, rule.id
