-- Keeps a breakdown and ends its open row, in one statement: themes, causes, calls and quotes come as
-- JSON arrays. Nothing is written where the row is not open any more. A day's history is that of
-- its newest audit: what an earlier one counted for other themes is forgotten.
WITH insight AS (
    UPDATE insights
       SET status = 'succeeded', date = :date, window_end = :window_end,
           window_days = :window_days, num_failing_calls = :num_failing_calls,
           num_calls_analyzed = :num_calls_analyzed, auditor = :auditor, degraded = :degraded, paused = :paused,
           model = :model, usage = :usage, cost = :cost, provenance = :provenance, message = :message,
           num_evaluated_calls = (
               SELECT count(*) FROM metric_results AS result
                WHERE result.metric_id = insights.metric_id
                  AND result.passed IS NOT NULL
                  AND result.started_at < :window_end
                  AND result.started_at >= CAST(:window_end AS timestamptz)
                                           - make_interval(days => :window_days)),
           num_confirmed_errors = (
               SELECT count(*) FROM metric_results AS result
                 JOIN result_marks AS mark USING (call_pk, metric_id)
                WHERE result.metric_id = insights.metric_id
                  AND NOT result.passed
                  AND mark.is_current AND mark.leaves_pools AND mark.passed = result.passed
                  AND result.started_at < :window_end
                  AND result.started_at >= CAST(:window_end AS timestamptz)
                                           - make_interval(days => :window_days)),
           finished_at = clock_timestamp(), updated_at = clock_timestamp()
     WHERE id = :id AND status IN ('pending', 'running')
 RETURNING id, project_metric, date
), given AS (
    SELECT insight.id AS insight_id, insight.project_metric, insight.date, theme.*
      FROM insight,
           jsonb_to_recordset(:themes)
           AS theme(position smallint, theme_id text, title text, description text,
                    criterion text, origin text, terms jsonb, suggested_fix text, status text,
                    count integer, severity text, severity_reason text,
                    last_call_at timestamptz)
), known AS (
    INSERT INTO themes (theme_id, project_metric, title, description, criterion, origin)
    SELECT theme_id, project_metric, title, description, criterion, origin FROM given
        ON CONFLICT (theme_id) DO NOTHING
), shown AS (
    INSERT INTO insight_themes
           (insight_id, position, theme_id, title, description, origin, suggested_fix, status,
            severity, severity_reason)
    SELECT insight_id, position, theme_id, title, description, origin, suggested_fix, status,
           severity, severity_reason
      FROM given
), forgotten AS (
    DELETE FROM theme_history AS history
     USING insight, themes AS theme
     WHERE theme.project_metric = insight.project_metric
       AND history.theme_id = theme.theme_id
       AND history.date = insight.date
       AND history.theme_id NOT IN (SELECT theme_id FROM given)
), history AS (
    INSERT INTO theme_history (theme_id, date, insight_id, count, terms, last_call_at)
    SELECT theme_id, date, insight_id, count, terms, last_call_at FROM given
        ON CONFLICT (theme_id, date) DO UPDATE
       SET insight_id = EXCLUDED.insight_id, count = EXCLUDED.count, terms = EXCLUDED.terms,
           last_call_at = EXCLUDED.last_call_at
), no_longer_new AS (
    -- Days that were audited before this earlier one.
    UPDATE insight_themes AS shown
       SET status = 'recurring'
      FROM insight, insights AS later
     WHERE later.id = shown.insight_id
       AND later.date > insight.date
       AND shown.status = 'new'
       AND shown.theme_id IN (SELECT theme_id FROM given)
), causes AS (
    INSERT INTO insight_causes
           (insight_id, ordinal, position, cause_id, title, criterion, terms, status)
    SELECT insight.id, cause.*
      FROM insight,
           jsonb_to_recordset(:causes)
           AS cause(ordinal smallint, position smallint, cause_id text, title text,
                    criterion text, terms jsonb, status text)
), members AS (
    INSERT INTO insight_calls
           (insight_id, bucket, call_id, position, cause, turn, quote, reason, finding)
    SELECT insight.id, member.*
      FROM insight,
           jsonb_to_recordset(:calls)
           AS member(bucket text, call_id text, position smallint, cause smallint,
                     turn integer, quote text, reason text, finding text)
), also AS (
    INSERT INTO insight_also_calls (insight_id, position, call_id)
    SELECT insight.id, call.*
      FROM insight, jsonb_to_recordset(:also) AS call(position smallint, call_id text)
), quotes AS (
    INSERT INTO insight_evidence (insight_id, position, ordinal, call_id, turn, quote)
    SELECT insight.id, quote.*
      FROM insight,
           jsonb_to_recordset(:evidence)
           AS quote(position smallint, ordinal smallint, call_id text, turn integer, quote text)
)
SELECT id FROM insight
