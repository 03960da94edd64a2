-- Deletes a call with its transcript and results, and what insights quote of it. Their counts stay:
-- the ID of the call remains in their lists.
WITH quoted AS (
    SELECT insight.id
      FROM insights AS insight
      JOIN projects AS project ON project.slug = split_part(insight.project_metric, '/', 1)
      JOIN insight_calls AS member ON member.insight_id = insight.id
     WHERE project.id = :project_id AND member.call_id = :call_id
), unquoted AS (
    DELETE FROM insight_evidence
     WHERE call_id = :call_id AND insight_id IN (SELECT id FROM quoted)
), unsaid AS (
    UPDATE insight_calls SET quote = NULL, turn = NULL
     WHERE call_id = :call_id AND insight_id IN (SELECT id FROM quoted)
)
DELETE FROM calls WHERE project_id = :project_id AND call_id = :call_id
