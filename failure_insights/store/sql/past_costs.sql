-- What the last audits by the agent cost for each failing call, for each of these metrics: those
-- that asked an LLM, with this model, not cut short. Served by done_insights.
SELECT metric.id AS metric_id, audit.cost, audit.num_failing_calls, audit.input_tokens,
       audit.output_tokens
  FROM unnest(CAST(:metric_ids AS integer[])) AS metric(id)
 CROSS JOIN LATERAL (
       SELECT cost, num_failing_calls, CAST(usage ->> 'input_tokens' AS bigint) AS input_tokens,
              CAST(usage ->> 'output_tokens' AS bigint) AS output_tokens
         FROM insights
        WHERE metric_id = metric.id
          AND status IN ('succeeded', 'skipped_not_enough_data')
          AND cost > 0 AND auditor = 'agent' AND model = :model AND NOT degraded
        ORDER BY window_end DESC, id DESC
        LIMIT :most) AS audit
