-- Replaces a metric's card, all but its name and slug.
UPDATE metrics
   SET type = :type, prompt = :prompt, description = :description, pass_rule = :pass_rule,
       score_type = :score_type, about = :about, is_eligible = :is_eligible, updated_at = now()
 WHERE id = :metric_id
