CREATE TABLE `identity_providers` (
    `id` VARCHAR(191) NOT NULL,
    `definition` MEDIUMTEXT NOT NULL,
    `client_secret` TEXT NULL,
    `created_at` BIGINT NOT NULL,
    `updated_at` BIGINT NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `federated_identities` (
    `id` VARCHAR(191) NOT NULL,
    `user_id` VARCHAR(191) NOT NULL,
    `provider` VARCHAR(191) NOT NULL,
    `identity_key` VARCHAR(191) NOT NULL,
    `issuer` VARCHAR(512) NOT NULL,
    `subject` VARCHAR(512) NOT NULL,
    `label` VARCHAR(320) NULL,
    `attributes` MEDIUMTEXT NOT NULL,
    `created_at` BIGINT NOT NULL,
    `last_used_at` BIGINT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `federation_attempts` (
    `id` VARCHAR(191) NOT NULL,
    `provider` VARCHAR(191) NOT NULL,
    `browser_hash` VARCHAR(191) NOT NULL,
    `uid` VARCHAR(191) NULL,
    `user_id` VARCHAR(191) NULL,
    `sign_in_id` VARCHAR(191) NULL,
    `secret` TEXT NOT NULL,
    `arrival` MEDIUMTEXT NULL,
    `problem` VARCHAR(191) NULL,
    `created_at` BIGINT NOT NULL,
    `expires_at` BIGINT NOT NULL,
    `used_at` BIGINT NULL,
    `filed_at` BIGINT NULL,
    `finished_at` BIGINT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE UNIQUE INDEX `federated_identities_identity_key_key` ON `federated_identities`(`identity_key`);

CREATE INDEX `federated_identities_user_id_idx` ON `federated_identities`(`user_id`);

CREATE INDEX `federation_attempts_uid_idx` ON `federation_attempts`(`uid`);

CREATE INDEX `federation_attempts_user_id_idx` ON `federation_attempts`(`user_id`);

CREATE INDEX `federation_attempts_expires_at_idx` ON `federation_attempts`(`expires_at`);

ALTER TABLE `federated_identities` ADD CONSTRAINT `federated_identities_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;
