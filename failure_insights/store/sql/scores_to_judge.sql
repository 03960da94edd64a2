-- The different scores of a metric whose verdict a pass rule may give or change.
SELECT DISTINCT score
  FROM metric_results
 WHERE metric_id = :metric_id
   AND score IS NOT NULL
   AND (passed IS NULL OR (by_rule AND NOT :only_unjudged))
