-- Remembers that these items have been brought as they are.
INSERT INTO source_items (source_id, item_id, fingerprint)
SELECT :source_id, given.item_id, given.fingerprint
  FROM unnest(CAST(:item_ids AS text[]), CAST(:fingerprints AS text[]))
       AS given(item_id, fingerprint)
    ON CONFLICT (source_id, item_id) DO UPDATE
   SET fingerprint = excluded.fingerprint, seen_at = now()
