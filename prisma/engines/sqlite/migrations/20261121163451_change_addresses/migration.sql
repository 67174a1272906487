-- CreateTable
CREATE TABLE "address_changes" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "user_id" TEXT NOT NULL,
    "former_email" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "undo_hash" TEXT,
    "created_at" BIGINT NOT NULL,
    "expires_at" BIGINT NOT NULL,
    "confirmed_at" BIGINT,
    "undone_at" BIGINT,
    "voided_at" BIGINT,
    CONSTRAINT "address_changes_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE UNIQUE INDEX "address_changes_undo_hash_key" ON "address_changes"("undo_hash");

-- CreateIndex
CREATE INDEX "address_changes_user_id_idx" ON "address_changes"("user_id");

-- CreateIndex
CREATE INDEX "address_changes_expires_at_idx" ON "address_changes"("expires_at");
