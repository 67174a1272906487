-- AlterTable
ALTER TABLE "federated_sign_ins" ADD COLUMN "id_token" TEXT;
