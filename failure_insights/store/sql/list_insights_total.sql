-- How many insights fit the filters of list_insights, and the newest of them.
SELECT count(*) AS total, max(insight.id) AS newest
  FROM insights AS insight
 WHERE split_part(insight.project_metric, '/', 1) = :project
   AND (CAST(:pair AS text) IS NULL OR insight.project_metric = :pair)
   AND (CAST(:status AS text) IS NULL OR insight.status = :status)
   AND (CAST(:newest AS bigint) IS NULL OR insight.id <= :newest)
   AND (CAST(:metric_ids AS integer[]) IS NULL OR insight.metric_id = ANY(:metric_ids))
