CREATE TABLE `federated_sign_ins` (
    `id` VARCHAR(191) NOT NULL,
    `uid` VARCHAR(191) NOT NULL,
    `user_id` VARCHAR(191) NOT NULL,
    `provider` VARCHAR(191) NOT NULL,
    `identity_key` VARCHAR(191) NOT NULL,
    `sid_hash` VARCHAR(191) NULL,
    `sign_in_id` VARCHAR(191) NULL,
    `created_at` BIGINT NOT NULL,
    `expires_at` BIGINT NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `federation_logout_tokens` (
    `id` VARCHAR(191) NOT NULL,
    `expires_at` BIGINT NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX `federated_sign_ins_uid_idx` ON `federated_sign_ins`(`uid`);

CREATE INDEX `federated_sign_ins_user_id_idx` ON `federated_sign_ins`(`user_id`);

CREATE INDEX `federated_sign_ins_identity_key_idx` ON `federated_sign_ins`(`identity_key`);

CREATE INDEX `federated_sign_ins_sid_hash_idx` ON `federated_sign_ins`(`sid_hash`);

CREATE INDEX `federated_sign_ins_sign_in_id_idx` ON `federated_sign_ins`(`sign_in_id`);

CREATE INDEX `federated_sign_ins_expires_at_idx` ON `federated_sign_ins`(`expires_at`);

CREATE INDEX `federation_logout_tokens_expires_at_idx` ON `federation_logout_tokens`(`expires_at`);

ALTER TABLE `federated_sign_ins` ADD CONSTRAINT `federated_sign_ins_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;
