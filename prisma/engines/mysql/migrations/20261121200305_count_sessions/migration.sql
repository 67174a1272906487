ALTER TABLE `sign_in_sessions` ADD COLUMN `client_id` VARCHAR(255) NULL,
    ADD COLUMN `counted` INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN `end_reason` VARCHAR(191) NULL;

CREATE TABLE `session_counts` (
    `id` VARCHAR(191) NOT NULL,
    `day` VARCHAR(191) NOT NULL,
    `event` VARCHAR(191) NOT NULL,
    `client_id` VARCHAR(255) NOT NULL,
    `device` VARCHAR(191) NOT NULL,
    `country` VARCHAR(191) NOT NULL,
    `sessions` BIGINT NOT NULL,
    `seconds` BIGINT NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX `session_counts_day_idx` ON `session_counts`(`day`);

CREATE INDEX `sign_in_sessions_counted_ended_at_expires_at_idx` ON `sign_in_sessions`(`counted`, `ended_at`, `expires_at`);
