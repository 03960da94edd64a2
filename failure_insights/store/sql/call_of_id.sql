-- The provider's ID of a project's call: the call of that ID, else the one of that number here.
SELECT call.call_id
  FROM calls AS call
 WHERE call.project_id = :project_id
   AND (call.call_id = :given OR call.id = CAST(:number AS bigint))
 ORDER BY call.call_id = :given DESC
 LIMIT 1
