CREATE TABLE `address_changes` (
    `id` VARCHAR(191) NOT NULL,
    `user_id` VARCHAR(191) NOT NULL,
    `former_email` VARCHAR(320) NOT NULL,
    `email` VARCHAR(320) NOT NULL,
    `undo_hash` VARCHAR(191) NULL,
    `created_at` BIGINT NOT NULL,
    `expires_at` BIGINT NOT NULL,
    `confirmed_at` BIGINT NULL,
    `undone_at` BIGINT NULL,
    `voided_at` BIGINT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE UNIQUE INDEX `address_changes_undo_hash_key` ON `address_changes`(`undo_hash`);

CREATE INDEX `address_changes_user_id_idx` ON `address_changes`(`user_id`);

CREATE INDEX `address_changes_expires_at_idx` ON `address_changes`(`expires_at`);

ALTER TABLE `address_changes` ADD CONSTRAINT `address_changes_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;
