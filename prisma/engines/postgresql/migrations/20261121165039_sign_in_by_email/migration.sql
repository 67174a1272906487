-- CreateTable
CREATE TABLE "email_sign_ins" (
    "id" TEXT NOT NULL,
    "uid" TEXT NOT NULL,
    "login_key" TEXT NOT NULL,
    "user_id" TEXT,
    "secret_hash" TEXT,
    "tries" INTEGER NOT NULL DEFAULT 0,
    "expires_at" BIGINT NOT NULL,
    "used_at" BIGINT,

    CONSTRAINT "email_sign_ins_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "email_sign_ins_user_id_idx" ON "email_sign_ins"("user_id");

-- CreateIndex
CREATE INDEX "email_sign_ins_expires_at_idx" ON "email_sign_ins"("expires_at");
