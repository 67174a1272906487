ALTER TABLE `sign_in_sessions` ADD COLUMN `address` VARCHAR(191) NULL,
    ADD COLUMN `device_id` VARCHAR(191) NULL,
    ADD COLUMN `user_agent` VARCHAR(512) NULL;

CREATE TABLE `devices` (
    `id` VARCHAR(191) NOT NULL,
    `user_id` VARCHAR(191) NOT NULL,
    `user_agent` VARCHAR(512) NULL,
    `address` VARCHAR(191) NULL,
    `first_seen_at` BIGINT NOT NULL,
    `last_seen_at` BIGINT NOT NULL,
    `remembered_until` BIGINT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `unlocks` (
    `account_id` VARCHAR(191) NOT NULL,
    `at` BIGINT NOT NULL,
    PRIMARY KEY (`account_id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX `devices_user_id_idx` ON `devices`(`user_id`);

CREATE INDEX `devices_last_seen_at_idx` ON `devices`(`last_seen_at`);

CREATE INDEX `unlocks_at_idx` ON `unlocks`(`at`);

ALTER TABLE `devices` ADD CONSTRAINT `devices_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;
