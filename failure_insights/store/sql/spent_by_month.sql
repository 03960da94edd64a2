-- Dollars and tokens of a project's audits by month (UTC) and metric, the newest month and the
-- dearest metric first.
SELECT CAST(date_trunc('month', at) AS date) AS month, metric, count(*) AS audits, sum(cost) AS cost,
       sum(coalesce(CAST(usage ->> 'input_tokens' AS bigint), 0)) AS input_tokens,
       sum(coalesce(CAST(usage ->> 'output_tokens' AS bigint), 0)) AS output_tokens
  FROM spending
 WHERE is_done AND project = :project
 GROUP BY 1, metric
 ORDER BY 1 DESC, cost DESC, metric
