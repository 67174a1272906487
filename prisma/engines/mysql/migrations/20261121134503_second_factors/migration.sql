CREATE TABLE `totp_factors` (
    `id` VARCHAR(191) NOT NULL,
    `user_id` VARCHAR(191) NOT NULL,
    `secret` TEXT NOT NULL,
    `last_step` BIGINT NOT NULL,
    `created_at` BIGINT NOT NULL,
    `last_used_at` BIGINT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `recovery_sets` (
    `user_id` VARCHAR(191) NOT NULL,
    `set_id` VARCHAR(191) NOT NULL,
    `created_at` BIGINT NOT NULL,
    PRIMARY KEY (`user_id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `recovery_codes` (
    `id` VARCHAR(191) NOT NULL,
    `user_id` VARCHAR(191) NOT NULL,
    `set_id` VARCHAR(191) NOT NULL,
    `hash` TEXT NOT NULL,
    `used_at` BIGINT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE UNIQUE INDEX `totp_factors_user_id_key` ON `totp_factors`(`user_id`);

CREATE INDEX `recovery_codes_user_id_idx` ON `recovery_codes`(`user_id`);

ALTER TABLE `totp_factors` ADD CONSTRAINT `totp_factors_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE `recovery_sets` ADD CONSTRAINT `recovery_sets_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE `recovery_codes` ADD CONSTRAINT `recovery_codes_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;
