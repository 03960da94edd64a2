-- One page of the acts on a theme, newest first, with the act that took each back.
SELECT act.id, act.theme_id, act.kind, act.acted_by AS by, act.acted_at AS at,
       act.before, act.after, act.undoes, later.id AS undone_by, count(*) OVER () AS total
  FROM theme_acts AS act
  LEFT JOIN theme_acts AS later ON later.undoes = act.id
 WHERE act.theme_id = :theme_id
 ORDER BY act.id DESC
 LIMIT :limit OFFSET :offset
