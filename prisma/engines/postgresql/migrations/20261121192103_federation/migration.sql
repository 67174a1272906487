-- CreateTable
CREATE TABLE "identity_providers" (
    "id" TEXT NOT NULL,
    "definition" TEXT NOT NULL,
    "client_secret" TEXT,
    "created_at" BIGINT NOT NULL,
    "updated_at" BIGINT NOT NULL,

    CONSTRAINT "identity_providers_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "federated_identities" (
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "identity_key" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "label" TEXT,
    "attributes" TEXT NOT NULL,
    "created_at" BIGINT NOT NULL,
    "last_used_at" BIGINT,

    CONSTRAINT "federated_identities_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "federation_attempts" (
    "id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "browser_hash" TEXT NOT NULL,
    "uid" TEXT,
    "user_id" TEXT,
    "sign_in_id" TEXT,
    "secret" TEXT NOT NULL,
    "arrival" TEXT,
    "problem" TEXT,
    "created_at" BIGINT NOT NULL,
    "expires_at" BIGINT NOT NULL,
    "used_at" BIGINT,
    "filed_at" BIGINT,
    "finished_at" BIGINT,

    CONSTRAINT "federation_attempts_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "federated_identities_identity_key_key" ON "federated_identities"("identity_key");

-- CreateIndex
CREATE INDEX "federated_identities_user_id_idx" ON "federated_identities"("user_id");

-- CreateIndex
CREATE INDEX "federation_attempts_uid_idx" ON "federation_attempts"("uid");

-- CreateIndex
CREATE INDEX "federation_attempts_user_id_idx" ON "federation_attempts"("user_id");

-- CreateIndex
CREATE INDEX "federation_attempts_expires_at_idx" ON "federation_attempts"("expires_at");

-- AddForeignKey
ALTER TABLE "federated_identities" ADD CONSTRAINT "federated_identities_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
