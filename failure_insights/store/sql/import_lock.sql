-- Keeps other imports out of these projects until the transaction ends. Every import takes its
-- locks in the same order, so that two of them never wait for each other.
SELECT pg_advisory_xact_lock(7215307, lock)
  FROM (SELECT DISTINCT hashtext(slug) AS lock
          FROM unnest(CAST(:slugs AS text[])) AS named(slug)
         ORDER BY lock) AS locks
