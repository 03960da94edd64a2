WITH message AS (
    INSERT INTO alert_messages (rule_id, title, body, payload)
    VALUES (:rule_id, :title, :body, :payload)
 RETURNING id, rule_id
), events AS (
    INSERT INTO alert_events (rule_id, key, message_id)
    SELECT message.rule_id, key, message.id
      FROM message, unnest(CAST(:keys AS text[])) AS key
        ON CONFLICT DO NOTHING
)
SELECT id FROM message
