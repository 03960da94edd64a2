-- Takes or renews the lease of a source for some seconds; no row where another process has it.
UPDATE sources
   SET pulling_until = clock_timestamp() + make_interval(secs => :seconds)
 WHERE id = :source_id
   AND (:is_mine OR pulling_until IS NULL OR pulling_until < clock_timestamp())
RETURNING id
