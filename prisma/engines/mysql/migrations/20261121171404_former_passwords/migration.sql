CREATE TABLE `former_passwords` (
    `id` VARCHAR(191) NOT NULL,
    `user_id` VARCHAR(191) NOT NULL,
    `hash` VARCHAR(512) NOT NULL,
    `retired_at` BIGINT NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX `former_passwords_user_id_idx` ON `former_passwords`(`user_id`);

ALTER TABLE `former_passwords` ADD CONSTRAINT `former_passwords_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;
