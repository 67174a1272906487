ALTER TABLE `sign_in_sessions` ADD COLUMN `challenged_at` BIGINT NULL,
    ADD COLUMN `former_address` VARCHAR(191) NULL,
    ADD COLUMN `former_seen_at` BIGINT NULL,
    ADD COLUMN `hints` VARCHAR(191) NULL,
    ADD COLUMN `place` TEXT NULL;
