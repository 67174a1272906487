CREATE TABLE `passkeys` (
    `id` VARCHAR(191) NOT NULL,
    `user_id` VARCHAR(191) NOT NULL,
    `name` VARCHAR(256) NOT NULL,
    `credential_key` VARCHAR(191) NOT NULL,
    `credential_id` TEXT NOT NULL,
    `public_key` TEXT NOT NULL,
    `counter` BIGINT NOT NULL,
    `transports` VARCHAR(191) NOT NULL,
    `backup` VARCHAR(191) NOT NULL,
    `created_at` BIGINT NOT NULL,
    `last_used_at` BIGINT NULL,
    `last_verified_at` BIGINT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `passkey_challenges` (
    `id` VARCHAR(191) NOT NULL,
    `expires_at` BIGINT NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE UNIQUE INDEX `passkeys_credential_key_key` ON `passkeys`(`credential_key`);

CREATE INDEX `passkeys_user_id_idx` ON `passkeys`(`user_id`);

CREATE INDEX `passkey_challenges_expires_at_idx` ON `passkey_challenges`(`expires_at`);

ALTER TABLE `passkeys` ADD CONSTRAINT `passkeys_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;
