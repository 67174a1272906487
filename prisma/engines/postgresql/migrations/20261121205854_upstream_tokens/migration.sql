-- AlterTable
ALTER TABLE "federated_identities" ADD COLUMN     "access_token" TEXT,
ADD COLUMN     "refresh_token" TEXT,
ADD COLUMN     "refresh_until" BIGINT,
ADD COLUMN     "token_expires_at" BIGINT,
ADD COLUMN     "token_scope" TEXT,
ADD COLUMN     "token_turn" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "tokens_at" BIGINT;
