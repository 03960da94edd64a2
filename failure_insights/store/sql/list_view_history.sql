-- Each theme's count per day of the view's calls alone, up to the day of the insight shown.
SELECT shown.insight_id, shown.theme_id, history.date, count(*) AS count
  FROM insight_themes AS shown
  JOIN insights AS insight ON insight.id = shown.insight_id
  JOIN theme_history AS history
    ON history.theme_id = shown.theme_id AND history.date <= insight.date
  JOIN insight_themes AS earlier
    ON earlier.insight_id = history.insight_id AND earlier.theme_id = history.theme_id
  JOIN insight_calls AS member
    ON member.insight_id = earlier.insight_id AND member.position = earlier.position
  JOIN calls AS call ON call.project_id = :project_id AND call.call_id = member.call_id
  JOIN view_agents AS seen ON seen.agent_id = call.agent_id AND seen.view_id = :view_id
 WHERE shown.insight_id = ANY(CAST(:ids AS bigint[]))
 GROUP BY shown.insight_id, shown.theme_id, history.date
 ORDER BY shown.insight_id, shown.theme_id, history.date
