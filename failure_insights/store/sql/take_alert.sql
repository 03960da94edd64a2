-- Takes the message that is due longest: its next_at is the end of the lease.
WITH due AS (
    SELECT id FROM alert_messages
     WHERE status = 'waiting' AND next_at <= :now
     ORDER BY next_at, id
     LIMIT 1
       FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE alert_messages AS message
       SET attempts = attempts + 1, next_at = :until
      FROM due
     WHERE message.id = due.id
 RETURNING message.*
)
SELECT taken.id, rule.id AS rule_id, rule.name AS rule_name, rule.channel, rule.address_env,
       rule.secret_env, taken.title, taken.body, taken.payload, taken.attempts, taken.created_at
  FROM taken
  JOIN alert_rules AS rule ON rule.id = taken.rule_id
