CREATE TABLE `subject_salts` (
    `id` VARCHAR(191) NOT NULL,
    `salt` TEXT NOT NULL,
    `created_at` BIGINT NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
