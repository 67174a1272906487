CREATE TABLE `pending_registrations` (
    `id` VARCHAR(191) NOT NULL,
    `email` VARCHAR(320) NOT NULL,
    `email_key` VARCHAR(320) NOT NULL,
    `password_hash` VARCHAR(512) NOT NULL,
    `browser_hash` VARCHAR(191) NOT NULL,
    `client_id` VARCHAR(255) NULL,
    `created_at` BIGINT NOT NULL,
    `expires_at` BIGINT NOT NULL,
    `used_at` BIGINT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX `pending_registrations_email_key_idx` ON `pending_registrations`(`email_key`);

CREATE INDEX `pending_registrations_expires_at_idx` ON `pending_registrations`(`expires_at`);
