CREATE TABLE `email_sign_ins` (
    `id` VARCHAR(191) NOT NULL,
    `uid` VARCHAR(191) NOT NULL,
    `login_key` VARCHAR(320) NOT NULL,
    `user_id` VARCHAR(191) NULL,
    `secret_hash` VARCHAR(191) NULL,
    `tries` INTEGER NOT NULL DEFAULT 0,
    `expires_at` BIGINT NOT NULL,
    `used_at` BIGINT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX `email_sign_ins_user_id_idx` ON `email_sign_ins`(`user_id`);

CREATE INDEX `email_sign_ins_expires_at_idx` ON `email_sign_ins`(`expires_at`);
