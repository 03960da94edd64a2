-- What a project and all of them have spent, with what is set aside for audits that run.
SELECT coalesce(sum(cost) FILTER (WHERE project = :project), 0) AS project,
       coalesce(sum(cost), 0) AS all_projects
  FROM spending
