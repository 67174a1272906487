CREATE TABLE `audit_events` (
    `id` VARCHAR(191) NOT NULL,
    `time` BIGINT NOT NULL,
    `type` VARCHAR(191) NOT NULL,
    `outcome` VARCHAR(191) NOT NULL,
    `reason` VARCHAR(191) NULL,
    `actor_kind` VARCHAR(191) NOT NULL,
    `actor_id` VARCHAR(255) NULL,
    `actor_name` VARCHAR(255) NULL,
    `subject` VARCHAR(191) NULL,
    `client` VARCHAR(255) NULL,
    `session` VARCHAR(191) NULL,
    `ip` VARCHAR(191) NULL,
    `user_agent` VARCHAR(512) NULL,
    `request_id` VARCHAR(191) NULL,
    `trace_id` VARCHAR(191) NULL,
    `details` MEDIUMTEXT NOT NULL,
    `count` INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `clients` (
    `id` VARCHAR(191) NOT NULL,
    `metadata` MEDIUMTEXT NOT NULL,
    `disabled_at` BIGINT NULL,
    `created_at` BIGINT NOT NULL,
    `updated_at` BIGINT NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `client_secrets` (
    `id` VARCHAR(191) NOT NULL,
    `client_id` VARCHAR(191) NOT NULL,
    `hash` VARCHAR(191) NOT NULL,
    `created_at` BIGINT NOT NULL,
    `expires_at` BIGINT NULL,
    `revoked_at` BIGINT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `resources` (
    `id` VARCHAR(512) NOT NULL,
    `access_token_format` VARCHAR(191) NOT NULL,
    `access_token_ttl` INTEGER NULL,
    `signing_alg` VARCHAR(191) NULL,
    `introspection_clients` TEXT NOT NULL,
    `created_at` BIGINT NOT NULL,
    `updated_at` BIGINT NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `resource_scopes` (
    `id` VARCHAR(191) NOT NULL,
    `resource_id` VARCHAR(512) NOT NULL,
    `name` VARCHAR(191) NOT NULL,
    `description` TEXT NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `installation_facts` (
    `name` VARCHAR(191) NOT NULL,
    `value` TEXT NOT NULL,
    `updated_at` BIGINT NOT NULL,
    PRIMARY KEY (`name`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `outbox_messages` (
    `id` VARCHAR(191) NOT NULL,
    `kind` VARCHAR(191) NOT NULL,
    `body` MEDIUMTEXT NOT NULL,
    `created_at` BIGINT NOT NULL,
    `next_at` BIGINT NOT NULL,
    `attempts` INTEGER NOT NULL DEFAULT 0,
    `claimed_by` VARCHAR(191) NULL,
    `delivered_at` BIGINT NULL,
    `abandoned_at` BIGINT NULL,
    `last_error` TEXT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `password_credentials` (
    `user_id` VARCHAR(191) NOT NULL,
    `hash` VARCHAR(512) NOT NULL,
    `changed_at` BIGINT NOT NULL,
    PRIMARY KEY (`user_id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `grants` (
    `id` VARCHAR(191) NOT NULL,
    `account_id` VARCHAR(191) NULL,
    `client_id` VARCHAR(191) NULL,
    `reference` VARCHAR(191) NOT NULL,
    `payload` MEDIUMTEXT NOT NULL,
    `expires_at` BIGINT NULL,
    `ended_at` BIGINT NULL,
    `created_at` BIGINT NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `sign_in_sessions` (
    `id` VARCHAR(191) NOT NULL,
    `account_id` VARCHAR(191) NULL,
    `created_at` BIGINT NOT NULL,
    `last_seen_at` BIGINT NOT NULL,
    `expires_at` BIGINT NOT NULL,
    `ended_at` BIGINT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `artifacts` (
    `id` VARCHAR(191) NOT NULL,
    `kind` VARCHAR(191) NOT NULL,
    `payload` MEDIUMTEXT NOT NULL,
    `expires_at` BIGINT NULL,
    `consumed_at` BIGINT NULL,
    `ended_at` BIGINT NULL,
    `grant_id` VARCHAR(191) NULL,
    `account_id` VARCHAR(191) NULL,
    `client_id` VARCHAR(191) NULL,
    `lookup` VARCHAR(191) NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `denials` (
    `id` VARCHAR(191) NOT NULL,
    `denied_at` BIGINT NOT NULL,
    `expires_at` BIGINT NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `settings` (
    `name` VARCHAR(191) NOT NULL,
    `value` TEXT NOT NULL,
    `updated_at` BIGINT NOT NULL,
    PRIMARY KEY (`name`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `revisions` (
    `name` VARCHAR(191) NOT NULL,
    `number` BIGINT NOT NULL,
    PRIMARY KEY (`name`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `signing_keys` (
    `id` VARCHAR(191) NOT NULL,
    `algorithm` VARCHAR(191) NOT NULL,
    `state` VARCHAR(191) NOT NULL,
    `public_jwk` TEXT NOT NULL,
    `private_key` TEXT NOT NULL,
    `created_at` BIGINT NOT NULL,
    `activated_at` BIGINT NULL,
    `retired_at` BIGINT NULL,
    `removed_at` BIGINT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `users` (
    `id` VARCHAR(191) NOT NULL,
    `email` VARCHAR(320) NOT NULL,
    `email_key` VARCHAR(320) NOT NULL,
    `email_verified` BOOLEAN NOT NULL DEFAULT false,
    `username` VARCHAR(128) NULL,
    `username_key` VARCHAR(128) NULL,
    `claims` MEDIUMTEXT NOT NULL,
    `disabled_at` BIGINT NULL,
    `created_at` BIGINT NOT NULL,
    `updated_at` BIGINT NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `role_assignments` (
    `id` VARCHAR(191) NOT NULL,
    `user_id` VARCHAR(191) NOT NULL,
    `role` VARCHAR(191) NOT NULL,
    `created_at` BIGINT NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `one_time_links` (
    `id` VARCHAR(191) NOT NULL,
    `purpose` VARCHAR(191) NOT NULL,
    `subject` VARCHAR(191) NULL,
    `created_at` BIGINT NOT NULL,
    `expires_at` BIGINT NOT NULL,
    `used_at` BIGINT NULL,
    `voided_at` BIGINT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX `audit_events_time_idx` ON `audit_events`(`time`);

CREATE INDEX `audit_events_subject_time_idx` ON `audit_events`(`subject`, `time`);

CREATE INDEX `audit_events_client_time_idx` ON `audit_events`(`client`, `time`);

CREATE INDEX `audit_events_request_id_idx` ON `audit_events`(`request_id`);

CREATE INDEX `client_secrets_client_id_idx` ON `client_secrets`(`client_id`);

CREATE UNIQUE INDEX `resource_scopes_resource_id_name_key` ON `resource_scopes`(`resource_id`, `name`);

CREATE INDEX `outbox_messages_next_at_idx` ON `outbox_messages`(`next_at`);

CREATE UNIQUE INDEX `grants_reference_key` ON `grants`(`reference`);

CREATE INDEX `grants_account_id_idx` ON `grants`(`account_id`);

CREATE INDEX `grants_client_id_idx` ON `grants`(`client_id`);

CREATE INDEX `grants_expires_at_idx` ON `grants`(`expires_at`);

CREATE INDEX `sign_in_sessions_account_id_idx` ON `sign_in_sessions`(`account_id`);

CREATE INDEX `sign_in_sessions_expires_at_idx` ON `sign_in_sessions`(`expires_at`);

CREATE INDEX `artifacts_grant_id_idx` ON `artifacts`(`grant_id`);

CREATE INDEX `artifacts_account_id_idx` ON `artifacts`(`account_id`);

CREATE INDEX `artifacts_client_id_idx` ON `artifacts`(`client_id`);

CREATE INDEX `artifacts_lookup_idx` ON `artifacts`(`lookup`);

CREATE INDEX `artifacts_expires_at_idx` ON `artifacts`(`expires_at`);

CREATE INDEX `denials_expires_at_idx` ON `denials`(`expires_at`);

CREATE INDEX `signing_keys_state_idx` ON `signing_keys`(`state`);

CREATE UNIQUE INDEX `users_email_key_key` ON `users`(`email_key`);

CREATE UNIQUE INDEX `users_username_key_key` ON `users`(`username_key`);

CREATE UNIQUE INDEX `role_assignments_user_id_role_key` ON `role_assignments`(`user_id`, `role`);

CREATE INDEX `one_time_links_purpose_idx` ON `one_time_links`(`purpose`);

CREATE INDEX `one_time_links_expires_at_idx` ON `one_time_links`(`expires_at`);

ALTER TABLE `client_secrets` ADD CONSTRAINT `client_secrets_client_id_fkey` FOREIGN KEY (`client_id`) REFERENCES `clients`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE `resource_scopes` ADD CONSTRAINT `resource_scopes_resource_id_fkey` FOREIGN KEY (`resource_id`) REFERENCES `resources`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE `password_credentials` ADD CONSTRAINT `password_credentials_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE `role_assignments` ADD CONSTRAINT `role_assignments_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;
