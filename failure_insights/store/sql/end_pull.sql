-- Adds what a pull or a delivery brought, says how it ended, and lets the source go.
UPDATE sources
   SET new_calls = new_calls + :new,
       updated_calls = updated_calls + :updated,
       rejected = rejected + :rejected,
       last_at = clock_timestamp(),
       last_error = :error,
       pulling_until = NULL
 WHERE id = :source_id
