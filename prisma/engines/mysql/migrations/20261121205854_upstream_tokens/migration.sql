ALTER TABLE `federated_identities` ADD COLUMN `access_token` MEDIUMTEXT NULL,
    ADD COLUMN `refresh_token` MEDIUMTEXT NULL,
    ADD COLUMN `refresh_until` BIGINT NULL,
    ADD COLUMN `token_expires_at` BIGINT NULL,
    ADD COLUMN `token_scope` TEXT NULL,
    ADD COLUMN `token_turn` INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN `tokens_at` BIGINT NULL;
