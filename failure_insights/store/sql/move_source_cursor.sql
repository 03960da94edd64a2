-- Everything up to this time has been brought; a cursor never goes back.
UPDATE sources SET cursor_at = greatest(cursor_at, :at) WHERE id = :source_id
