ALTER TABLE `federated_sign_ins` ADD COLUMN `id_token` MEDIUMTEXT NULL;
