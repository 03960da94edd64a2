-- Gives the results of a metric that have one of these scores its verdict, unless a judge gave one.
UPDATE metric_results AS result
   SET passed = judged.passed, by_rule = judged.passed IS NOT NULL
  FROM unnest(CAST(:scores AS jsonb[]), CAST(:verdicts AS boolean[])) AS judged(score, passed)
 WHERE result.metric_id = :metric_id
   AND result.score = judged.score
   AND (result.passed IS NULL OR (result.by_rule AND NOT :only_unjudged))
   AND result.passed IS DISTINCT FROM judged.passed
