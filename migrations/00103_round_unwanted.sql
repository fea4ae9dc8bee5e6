-- +goose Up
ALTER TABLE round ADD COLUMN unwanted_until timestamptz;
COMMENT ON COLUMN round.unwanted_until IS 'the settings did not ask for it: it is looked at again then, or when settings are saved';
