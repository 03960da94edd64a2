-- The calls that people split off these themes: what they count for now. A theme that was merged
-- since is named by what it was merged into.
SELECT split.theme_id, split.call_id,
       coalesce(target.merged_into, target.theme_id) AS into_theme,
       coalesce(root.given_title, root.title, split.title) AS title
  FROM theme_split_calls AS split
  LEFT JOIN themes AS target ON target.theme_id = split.into_theme
  LEFT JOIN themes AS root ON root.theme_id = coalesce(target.merged_into, target.theme_id)
 WHERE split.theme_id = ANY(CAST(:theme_ids AS text[]))
