CREATE TABLE `account_deletions` (
    `user_id` VARCHAR(191) NOT NULL,
    `requested_at` BIGINT NOT NULL,
    `due_at` BIGINT NOT NULL,
    `locked_at` BIGINT NULL,
    PRIMARY KEY (`user_id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX `account_deletions_due_at_idx` ON `account_deletions`(`due_at`);

ALTER TABLE `account_deletions` ADD CONSTRAINT `account_deletions_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;
