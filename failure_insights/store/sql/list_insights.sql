-- One page of a project's insights, newest first, that fit the filters; a null filter fits all.
-- newest keeps later pages still while rows arrive. Served by the index
-- insights_of_pair where a metric is named, else by insights_of_project.
SELECT insight.id
  FROM insights AS insight
 WHERE split_part(insight.project_metric, '/', 1) = :project
   AND (CAST(:pair AS text) IS NULL OR insight.project_metric = :pair)
   AND (CAST(:status AS text) IS NULL OR insight.status = :status)
   AND (CAST(:newest AS bigint) IS NULL OR insight.id <= :newest)
   AND (CAST(:metric_ids AS integer[]) IS NULL OR insight.metric_id = ANY(:metric_ids))
 ORDER BY insight.id DESC
 LIMIT :limit OFFSET :offset
