-- CreateTable
CREATE TABLE "session_counts" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "day" TEXT NOT NULL,
    "event" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "device" TEXT NOT NULL,
    "country" TEXT NOT NULL,
    "sessions" BIGINT NOT NULL,
    "seconds" BIGINT NOT NULL
);

-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_sign_in_sessions" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "account_id" TEXT,
    "created_at" BIGINT NOT NULL,
    "last_seen_at" BIGINT NOT NULL,
    "expires_at" BIGINT NOT NULL,
    "ended_at" BIGINT,
    "device_id" TEXT,
    "user_agent" TEXT,
    "address" TEXT,
    "hints" TEXT,
    "place" TEXT,
    "former_address" TEXT,
    "former_seen_at" BIGINT,
    "challenged_at" BIGINT,
    "client_id" TEXT,
    "end_reason" TEXT,
    "counted" INTEGER NOT NULL DEFAULT 0
);
INSERT INTO "new_sign_in_sessions" ("account_id", "address", "challenged_at", "created_at", "device_id", "ended_at", "expires_at", "former_address", "former_seen_at", "hints", "id", "last_seen_at", "place", "user_agent") SELECT "account_id", "address", "challenged_at", "created_at", "device_id", "ended_at", "expires_at", "former_address", "former_seen_at", "hints", "id", "last_seen_at", "place", "user_agent" FROM "sign_in_sessions";
DROP TABLE "sign_in_sessions";
ALTER TABLE "new_sign_in_sessions" RENAME TO "sign_in_sessions";
CREATE INDEX "sign_in_sessions_counted_ended_at_expires_at_idx" ON "sign_in_sessions"("counted", "ended_at", "expires_at");
CREATE INDEX "sign_in_sessions_account_id_idx" ON "sign_in_sessions"("account_id");
CREATE INDEX "sign_in_sessions_expires_at_idx" ON "sign_in_sessions"("expires_at");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;

-- CreateIndex
CREATE INDEX "session_counts_day_idx" ON "session_counts"("day");
