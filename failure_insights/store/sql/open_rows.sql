-- Every open row, for the watch over dead runs. Served by the index open_insights.
SELECT id, dagster_run_id,
       CAST(extract(epoch FROM clock_timestamp() - created_at) AS float) AS age,
       CAST(extract(epoch FROM clock_timestamp() - coalesce(heartbeat_at, created_at)) AS float) AS silence
  FROM insights
 WHERE status IN ('pending', 'running')
 ORDER BY id
