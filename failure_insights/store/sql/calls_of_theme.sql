-- Which of these calls a theme, or one that was merged into it, ever held.
SELECT DISTINCT member.call_id
  FROM themes AS theme
  JOIN insight_themes AS shown ON shown.theme_id = theme.theme_id
  JOIN insight_calls AS member
    ON member.insight_id = shown.insight_id AND member.position = shown.position
 WHERE (theme.theme_id = :theme_id OR theme.merged_into = :theme_id)
   AND member.call_id = ANY(CAST(:call_ids AS text[]))
