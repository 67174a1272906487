-- CreateTable
CREATE TABLE "federated_sign_ins" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "uid" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "identity_key" TEXT NOT NULL,
    "sid_hash" TEXT,
    "sign_in_id" TEXT,
    "created_at" BIGINT NOT NULL,
    "expires_at" BIGINT NOT NULL,
    CONSTRAINT "federated_sign_ins_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "federation_logout_tokens" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "expires_at" BIGINT NOT NULL
);

-- CreateIndex
CREATE INDEX "federated_sign_ins_uid_idx" ON "federated_sign_ins"("uid");

-- CreateIndex
CREATE INDEX "federated_sign_ins_user_id_idx" ON "federated_sign_ins"("user_id");

-- CreateIndex
CREATE INDEX "federated_sign_ins_identity_key_idx" ON "federated_sign_ins"("identity_key");

-- CreateIndex
CREATE INDEX "federated_sign_ins_sid_hash_idx" ON "federated_sign_ins"("sid_hash");

-- CreateIndex
CREATE INDEX "federated_sign_ins_sign_in_id_idx" ON "federated_sign_ins"("sign_in_id");

-- CreateIndex
CREATE INDEX "federated_sign_ins_expires_at_idx" ON "federated_sign_ins"("expires_at");

-- CreateIndex
CREATE INDEX "federation_logout_tokens_expires_at_idx" ON "federation_logout_tokens"("expires_at");
