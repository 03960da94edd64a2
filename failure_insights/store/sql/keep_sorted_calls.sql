WITH sorting AS (
    INSERT INTO call_sortings (insight_id, model, usage, cost)
    VALUES (:insight_id, :model, :usage, :cost)
 RETURNING id, insight_id
)
INSERT INTO sorted_calls (insight_id, call_id, sorting_id, theme_id)
SELECT sorting.insight_id, call.call_id, sorting.id, call.theme_id
  FROM sorting,
       unnest(CAST(:call_ids AS text[]), CAST(:theme_ids AS text[])) AS call(call_id, theme_id)
    ON CONFLICT DO NOTHING
