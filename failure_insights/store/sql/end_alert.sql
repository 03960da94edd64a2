UPDATE alert_messages
   SET status = :status, last_error = :error,
       next_at = coalesce(CAST(:next_at AS timestamptz), next_at),
       sent_at = CASE WHEN :status = 'sent' THEN clock_timestamp() END
 WHERE id = :id AND status = 'waiting'
