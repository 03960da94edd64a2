-- As insight_history, of the view's calls alone. The themes of one insight share its calls, so these
-- are counted once an insight, not once a theme.
, days AS MATERIALIZED (
    SELECT shown.insight_id, shown.theme_id, shown.member, history.date,
           history.insight_id AS earlier_id
      FROM shown
     CROSS JOIN LATERAL (
           SELECT date, insight_id
             FROM theme_history
            WHERE theme_id = shown.member
              AND date <= shown.date
              AND date > shown.date - coalesce(CAST(:days AS integer), 100000)
            ORDER BY date DESC
            LIMIT CAST(:days AS integer)) AS history
), counted AS MATERIALIZED (
    SELECT member.insight_id, member.position, count(*) AS count
      FROM insight_calls AS member
      JOIN calls AS call ON call.project_id = :project_id AND call.call_id = member.call_id
     WHERE member.insight_id IN (SELECT earlier_id FROM days)
       AND call.agent_id IN (SELECT agent_id FROM view_agents WHERE view_id = :view_id)
     GROUP BY member.insight_id, member.position
)
SELECT days.insight_id, days.theme_id,
       array_agg(days.date ORDER BY days.date) AS dates,
       array_agg(counted.count ORDER BY days.date) AS counts
  FROM days
  JOIN insight_themes AS earlier
    ON earlier.insight_id = days.earlier_id AND earlier.theme_id = days.member
  JOIN counted
    ON counted.insight_id = earlier.insight_id AND counted.position = earlier.position
 GROUP BY days.insight_id, days.theme_id
