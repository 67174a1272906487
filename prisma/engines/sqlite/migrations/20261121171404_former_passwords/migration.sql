-- CreateTable
CREATE TABLE "former_passwords" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "user_id" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "retired_at" BIGINT NOT NULL,
    CONSTRAINT "former_passwords_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "former_passwords_user_id_idx" ON "former_passwords"("user_id");
