-- AlterTable
ALTER TABLE "resources" ADD COLUMN "detail_types" TEXT;
