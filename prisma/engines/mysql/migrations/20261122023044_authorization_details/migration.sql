ALTER TABLE `resources` ADD COLUMN `detail_types` MEDIUMTEXT NULL;
