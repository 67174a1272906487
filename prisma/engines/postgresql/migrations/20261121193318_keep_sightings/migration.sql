-- AlterTable
ALTER TABLE "sign_in_sessions" ADD COLUMN     "challenged_at" BIGINT,
ADD COLUMN     "former_address" TEXT,
ADD COLUMN     "former_seen_at" BIGINT,
ADD COLUMN     "hints" TEXT,
ADD COLUMN     "place" TEXT;
