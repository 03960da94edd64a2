-- US dollars a calendar month (UTC) that the project's LLM requests may cost; null: no cap.
ALTER TABLE projects ADD COLUMN monthly_cap double precision CHECK (monthly_cap >= 0);

-- What an audit may cost, set aside while it runs, so that audits at once cannot pass a cap.
ALTER TABLE insights ADD COLUMN reserved_cost double precision CHECK (reserved_cost >= 0);
-- A monthly cap kept the LLM from this audit.
ALTER TABLE insights ADD COLUMN paused boolean NOT NULL DEFAULT false;
-- A month's sum reads what cost something, and nothing else.
CREATE INDEX insights_that_cost ON insights (finished_at) INCLUDE (project_metric, cost) WHERE cost > 0;
