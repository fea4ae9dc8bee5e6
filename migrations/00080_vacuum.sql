-- +goose Up
-- Clean-up by count, not by share: with millions of kept rows the default (a fifth of the table) lets the small indexes of what is open fill up with
-- entries of what is done, and everybody who looks for work walks over them. These settings stand in nobody's way.
ALTER TABLE inbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE command SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE chat SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE message SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.02);
-- A row per account, changed by every step: its new versions find room on their page and need no entry in the index.
ALTER TABLE feed_head SET (fillfactor = 20, autovacuum_vacuum_threshold = 1000);
