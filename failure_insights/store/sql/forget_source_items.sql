-- Forgets items that no pull will meet again; one that comes back all the same is compared with
-- what is stored of its call.
DELETE FROM source_items WHERE source_id = :source_id AND seen_at < :before
