-- AlterTable
ALTER TABLE "sign_in_sessions" ADD COLUMN     "client_id" TEXT,
ADD COLUMN     "counted" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "end_reason" TEXT;

-- CreateTable
CREATE TABLE "session_counts" (
    "id" TEXT NOT NULL,
    "day" TEXT NOT NULL,
    "event" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "device" TEXT NOT NULL,
    "country" TEXT NOT NULL,
    "sessions" BIGINT NOT NULL,
    "seconds" BIGINT NOT NULL,

    CONSTRAINT "session_counts_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "session_counts_day_idx" ON "session_counts"("day");

-- CreateIndex
CREATE INDEX "sign_in_sessions_counted_ended_at_expires_at_idx" ON "sign_in_sessions"("counted", "ended_at", "expires_at");
