-- A score that no pass rule judges yet has no verdict, and is in no pool and no count.
ALTER TABLE metric_results ALTER COLUMN passed DROP NOT NULL;
-- The verdict came from a pass rule, so a new rule changes it. Of earlier verdicts nobody knows.
ALTER TABLE metric_results ADD COLUMN by_rule boolean NOT NULL DEFAULT false;
-- Whether a metric has any, which its card says.
CREATE INDEX unjudged_results ON metric_results (metric_id) WHERE passed IS NULL;
