-- One page of the insights of these projects, newest first, that fit the filters; a null filter
-- fits all. With latest_only: the newest of each metric.
SELECT insight.id
  FROM insights AS insight
 WHERE split_part(insight.project_metric, '/', 1) = ANY(CAST(:projects AS text[]))
   AND (CAST(:metric_id AS bigint) IS NULL OR insight.metric_id = :metric_id)
   AND (CAST(:metric_name AS text) IS NULL OR insight.metric_name = :metric_name)
   AND (CAST(:date AS date) IS NULL OR insight.date = :date)
   AND (NOT :latest_only
        OR NOT EXISTS (SELECT FROM insights AS later
                        WHERE later.project_metric = insight.project_metric
                          AND (CAST(:date AS date) IS NULL OR later.date = :date)
                          AND later.id > insight.id))
 ORDER BY insight.id DESC
 LIMIT :limit OFFSET :offset
