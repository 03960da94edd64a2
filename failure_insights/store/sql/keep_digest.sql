INSERT INTO project_digests
       (project_id, date, days, window_end, headline, words, content, model, usage, cost)
VALUES (:project_id, :date, :days, :window_end, :headline, :words, :content, :model, :usage, :cost)
    ON CONFLICT (project_id, days, date) DO UPDATE
   SET window_end = EXCLUDED.window_end, headline = EXCLUDED.headline, words = EXCLUDED.words,
       content = EXCLUDED.content, model = EXCLUDED.model, usage = EXCLUDED.usage,
       cost = coalesce(EXCLUDED.cost, 0) + coalesce(project_digests.cost, 0),
       made_at = clock_timestamp()
RETURNING id
