-- Jobs for a lake that workers fill, in a DuckDB that has it attached as `lake`: run them every hour, by one process. Workers may go on meanwhile.

-- Rows of small batches, which DuckLake keeps in the catalogue, become files.
CALL ducklake_flush_inlined_data('lake');

-- Each batch made a file a partition: small ones that lie side by side become one.
CALL ducklake_merge_adjacent_files('lake');

-- Snapshots that nobody will read again, then the files that only they had.
CALL ducklake_expire_snapshots('lake', older_than => now() - INTERVAL 7 DAY);
CALL ducklake_cleanup_old_files('lake', older_than => now() - INTERVAL 7 DAY);

-- Files of transactions that were refused, or whose worker died. No reader sees them. The time must be longer than any transaction.
CALL ducklake_delete_orphaned_files('lake', older_than => now() - INTERVAL 7 DAY);
