-- Which of these items are new or have changed since they were brought.
SELECT given.item_id
  FROM unnest(CAST(:item_ids AS text[]), CAST(:fingerprints AS text[]))
       AS given(item_id, fingerprint)
 WHERE NOT EXISTS (SELECT 1
                     FROM source_items AS known
                    WHERE known.source_id = :source_id
                      AND known.item_id = given.item_id
                      AND known.fingerprint = given.fingerprint)
