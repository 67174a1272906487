-- AlterTable
ALTER TABLE "sign_in_sessions" ADD COLUMN "challenged_at" BIGINT;
ALTER TABLE "sign_in_sessions" ADD COLUMN "former_address" TEXT;
ALTER TABLE "sign_in_sessions" ADD COLUMN "former_seen_at" BIGINT;
ALTER TABLE "sign_in_sessions" ADD COLUMN "hints" TEXT;
ALTER TABLE "sign_in_sessions" ADD COLUMN "place" TEXT;
