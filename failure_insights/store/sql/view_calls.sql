-- For each of these insights: those of its calls that the view's agents had.
SELECT member.insight_id, array_agg(member.call_id) AS call_ids
  FROM insight_calls AS member
  JOIN calls AS call ON call.project_id = :project_id AND call.call_id = member.call_id
  JOIN view_agents AS seen ON seen.agent_id = call.agent_id AND seen.view_id = :view_id
 WHERE member.insight_id = ANY(CAST(:ids AS bigint[]))
 GROUP BY member.insight_id
